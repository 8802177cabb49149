/** `wrapper check` by hand on a node with pods: what it says, and its exit status. */
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../helpers/harness";
import { launch } from "../helpers/launch";
import { ASKS, annotated, createRuntime, ourList, type Conflist } from "../helpers/node-runtime";
import { PLUGINS, useNode, type Pod } from "../helpers/node-world";
import { expectError, expectOk } from "../helpers/outcome";
import { BACKEND } from "../helpers/mode";

const world = useNode();
/** How many pieces the marks of an address have. */
const PIECES = BACKEND === "nftables" ? 1 : 2;
let list: Conflist;
let web: Pod;
let plain: Pod;

beforeEach(async () => {
  const tenants = { "tenant-a": { fwmark: "0x10/0xff" } };
  list = ourList(world, {
    ...ASKS,
    iptables: "nft",
    tenants,
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
  });
  writeFileSync(conflist(), JSON.stringify(list));
  web = world.newPod("team-a", "web-0");
  plain = world.newPod("plain", "client-0");
  const runtime = createRuntime(world, list);
  expectOk(await runtime.add(web, annotated("tenant-a")));
  expectOk(await runtime.add(plain, annotated(undefined)));
});

const conflist = (): string => join(world.dir, "10-tr.conflist");

async function check(...args: string[]) {
  // No environment but PATH: a person at night prepares nothing.
  return launch({
    netns: world.netns,
    command: [BINARY, "check", "--conf", conflist(), ...args],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "",
    options: {},
  });
}

/** Deletes the n-th of our rules by its text. */
function deleteRule(n: number): void {
  const rule = world.firewall.ours("nft")[n] ?? "";
  world.firewall.tables("nft", "iptables", rule.replace("-A ", "-D "));
}

test("a healthy node is status 0 with one line per pod and nothing on stderr", async () => {
  const { exit, stdout, stderr } = await check();
  expect([exit, stderr]).toEqual([0, ""]);
  const rows = stdout
    .split("\n")
    .filter((line) => /web-0|client-0/.test(line))
    .map((line) => line.split(/\s+/))
    .sort();
  expect(rows).toEqual([
    ["plain/client-0", plain.id.slice(0, 13), "-", "-", "10.88.0.3", "0/0", "ok", "ok"],
    [
      "team-a/web-0",
      web.id.slice(0, 13),
      "tenant-a",
      "0x10/0xff",
      "10.88.0.2",
      `${PIECES}/${PIECES}`,
      "ok",
      "ok",
    ],
  ]);
});

test.each([
  ["the pod", () => "team-a/web-0"],
  ["its container ID", () => web.id],
  ["the beginning of its container ID", () => web.id.slice(0, -1)],
])("one pod is selected by %s", async (_, name) => {
  const { exit, stdout } = await check(name());
  expect(exit).toBe(0);
  expect(stdout).toContain("team-a/web-0");
  expect(stdout).not.toContain("client-0");
});

test("-o json prints what a program can read", async () => {
  const { exit, json } = await check("-o", "json");
  expect(exit).toBe(0);
  expect(json).toMatchObject({ conf: conflist(), rulesWithoutAttachment: [] });
  const attachments = json?.["attachments"] as Record<string, unknown>[];
  expect(attachments).toHaveLength(2);
  expect(attachments.find((each) => each["pod"] === "team-a/web-0")).toMatchObject({
    containerId: web.id,
    ifname: "eth0",
    network: list.name,
    tenant: "tenant-a",
    mark: "0x10/0xff",
    addresses: ["10.88.0.2"],
    backend: BACKEND === "nftables" ? "nftables" : "nft",
    rules: { expected: PIECES, found: PIECES },
    delegate: "ok",
    problems: [],
  });
});

interface Damage {
  readonly what: string;
  readonly damage: () => void | Promise<void>;
  readonly says: RegExp;
}

/** A DEL that fails because its delegate is in no directory, and that the runtime does not repeat. */
async function failedDel(pod: Pod): Promise<void> {
  expectError(
    await createRuntime(world, list).del(pod, { env: { CNI_PATH: "/nowhere" } }),
    "delegateMissing",
  );
}

/** What can be wrong with iptables rules and not with an element of nftables. */
const IN_IPTABLES: readonly Damage[] = [
  {
    what: "the mark rule is gone",
    damage: () => deleteRule(0),
    says: /team-a\/web-0 .*10\.88\.0\.2/,
  },
  {
    what: "the reply rule is gone",
    damage: () => deleteRule(1),
    says: /team-a\/web-0 .*10\.88\.0\.2/,
  },
  {
    what: "a rule stands twice",
    damage: () => world.firewall.tables("nft", "iptables", world.firewall.ours("nft")[0] ?? ""),
    says: /team-a\/web-0/,
  },
];

const DAMAGES: readonly Damage[] = [
  ...(BACKEND === "iptables" ? IN_IPTABLES : []),
  {
    what: "all rules are gone",
    damage: () => world.firewall.flush(),
    says: /team-a\/web-0 .*10\.88\.0\.2/,
  },
  {
    what: "the pod's interface is gone",
    damage: () => void world.inside(web, "ip", "link", "del", "eth0"),
    says: /team-a\/web-0 .*delegate.*ptp/,
  },
  {
    what: "a DEL did not finish, and its process is gone",
    damage: () => failedDel(web),
    says: /^team-a\/web-0 \(.*\): its DEL did not finish$/m,
  },
  {
    what: "a record is gone, so its rules belong to nobody",
    damage: () =>
      world
        .records()
        .filter((name) => name.endsWith(".json"))
        .forEach((name) => rmSync(join(world.dataDir, name))),
    says: /rule without attachment: team-a\/web-0 .*10\.88\.0\.2/,
  },
];

test.each(DAMAGES)(
  "$what is status 1 with a line that says so, and nothing is repaired",
  async ({ damage, says }) => {
    await damage();
    const before = [world.firewall.prerouting(), world.records()];
    for (let n = 0; n < 2; n++) {
      const { exit, stdout } = await check();
      expect(exit).toBe(1);
      expect(stdout).toMatch(says);
    }
    expect([world.firewall.prerouting(), world.records()]).toEqual(before);
    const { exit, json } = await check("-o", "json");
    const { attachments, rulesWithoutAttachment } = json as {
      attachments: { problems: string[] }[];
      rulesWithoutAttachment: string[];
    };
    expect(exit).toBe(1);
    expect([
      ...attachments.flatMap(({ problems }) => problems),
      ...rulesWithoutAttachment,
    ]).not.toEqual([]);
  },
);

test("a record that cannot be trusted is one line, and the other pods are reported all the same", async () => {
  const [name = ""] = world
    .records()
    .filter(
      (each) =>
        each.endsWith(".json") &&
        readFileSync(join(world.dataDir, each), "utf8").includes("client-0"),
    );
  chmodSync(join(world.dataDir, name), 0o644);
  const { exit, stdout } = await check();
  expect(exit).toBe(1);
  expect(stdout).toMatch(/journal record \S+ is unusable: .*0644/);
  expect(stdout).toMatch(/team-a\/web-0 .*ok *$/m);
  expect((await check("team-a/web-0")).exit).toBe(0);
});

test("the delegate is looked for where the runtime looks for it, unless --cni-path says otherwise", async () => {
  const own = join(world.dir, "cni");
  mkdirSync(own);
  for (const name of ["ptp", "host-local"]) symlinkSync(join(PLUGINS, name), join(own, name));
  const pod = world.newPod("team-a", "web-1");
  expectOk(
    await createRuntime(world, list).add(pod, {
      ...annotated("tenant-a"),
      env: { CNI_PATH: `${own}:/nowhere` },
    }),
  );
  expect((await check("team-a/web-1")).exit).toBe(0);
  rmSync(join(own, "ptp"));
  const { exit, stdout } = await check();
  expect(exit).toBe(1);
  expect(stdout).toContain(
    `plugin "ptp" is in none of the directories of CNI_PATH (${own}, /nowhere)`,
  );
  expect(stdout).toMatch(/web-0 .* ok +ok$/m);
  expect((await check("--cni-path", PLUGINS)).exit).toBe(0);
});

test("a record of an older version has no search path: the default, or that of the environment", async () => {
  const [name = ""] = world
    .records()
    .filter(
      (each) =>
        each.endsWith(".json") && readFileSync(join(world.dataDir, each), "utf8").includes("web-0"),
    );
  const { cniPath, ...older } = JSON.parse(
    readFileSync(join(world.dataDir, name), "utf8"),
  ) as Record<string, unknown>;
  expect(cniPath).toEqual([PLUGINS]);
  writeFileSync(join(world.dataDir, name), JSON.stringify(older));
  expect((await check("team-a/web-0")).exit).toBe(0);
  const args = [BINARY, "check", "--conf", conflist(), "team-a/web-0"];
  const { exit, stdout } = await launch({
    netns: world.netns,
    command: args,
    env: { PATH: "/usr/sbin:/usr/bin", CNI_PATH: "/else" },
    stdin: "",
    options: {},
  });
  expect([exit, stdout]).toEqual([1, expect.stringContaining("CNI_PATH (/else)")]);
});

test("a DEL of a pod that has no record, and did not finish, names the pod", async () => {
  await failedDel(world.newPod("team-b", "old-0"));
  const { exit, stdout } = await check("team-b/old-0");
  expect([exit, stdout]).toEqual([
    1,
    expect.stringMatching(/^team-b\/old-0 \(.*\): its DEL did not finish$/m),
  ]);
});

test("what is wrong with one pod does not touch the verdict of another", async () => {
  world.firewall.flush();
  expect((await check("plain/client-0")).exit).toBe(0);
  expect((await check("team-a/web-0")).exit).toBe(1);
});

test.each([
  ["a pod that is not here", () => ["team-a/web-1"], /team-a\/web-1/],
  ["a container that is not here", () => ["f00df00df00d"], /f00df00df00d/],
  [
    "a conflist that is not there",
    () => ["--conf", join(world.dir, "none.conflist")],
    /none\.conflist/,
  ],
  ["a conflist that is no JSON", () => ["--conf", BINARY], /tenant-routing-wrapper/],
  ["a conflist without our plugin", () => ["--conf", "/dev/null"], /\/dev\/null/],
  ["an unknown format", () => ["-o", "yaml"], /yaml/],
  ["an unknown option", () => ["--nope"], /nope/],
])("%s is status 2, and stderr says why", async (_, args, says) => {
  const { exit, stdout, stderr } = await check(...args());
  expect([exit, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(says);
});
