/**
 * What `wrapper routes` says and how it ends: collisions, JSON, printed commands, mistakes in its
 * arguments.
 */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createJournal } from "../../lib/attachment/journal";
import { attachmentTag } from "../../lib/marks/tag";
import { TENANTS, unwrapped, useRoutesNode, WRAPPER } from "../helpers/routes-node";

const node = useRoutesNode();
const [A, B] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];

interface Report {
  readonly tenants: readonly {
    readonly name: string;
    readonly mark: string;
    readonly table: number;
    readonly gateways: readonly Record<string, unknown>[];
  }[];
  readonly changes: readonly { readonly kind: string; readonly command: string }[];
  readonly collisions: readonly {
    readonly kind: string;
    readonly tenant?: string;
    readonly text: string;
  }[];
  readonly findings: readonly {
    readonly kind: string;
    readonly tenant?: string;
    readonly severity: string;
  }[];
  readonly failures: readonly string[];
}

function report(...args: string[]): Report {
  return JSON.parse(node.routes(...args, "-o", "json").stdout) as Report;
}

test("show notices what others changed: a rule, a stop, the nft table, a FORWARD rule, the names", () => {
  node.configure(
    { "tenant-a": { ...A, snat: "none" } },
    { podNetworks: ["10.88.0.0/16"], acceptForward: true },
  );
  node.routes("apply", "--sysctl");
  expect(node.routes("show")).toMatchObject({ status: 0 });
  const damages = [
    "ip rule del pref 32764",
    "ip route del unreachable default metric 4294967295 table 100",
    "nft flush chain inet tenant-routing postrouting",
    "nft insert rule inet tenant-routing postrouting accept",
    "nft delete table inet tenant-routing",
    "iptables -D FORWARD 1",
    `echo '# more' >>${node.namesDir}/tenant-routing.conf`,
  ];
  for (const damage of damages) {
    node.run(damage);
    expect([damage, node.routes("show").status]).toEqual([damage, 1]);
    expect([damage, node.routes("apply").status]).toEqual([damage, 0]);
    expect([damage, node.routes("show").status]).toEqual([damage, 0]);
  }
});

test("collisions: plan ends with 3, apply refuses and changes nothing, --force goes ahead", () => {
  node.ip("rule", "add", "pref", "50", "fwmark", "0x10/0x10", "lookup", "100");
  node.ip("route", "add", "198.51.100.0/24", "dev", "eth2", "table", "200");
  const before = node.snapshot();
  const planned = node.routes("plan");
  expect(planned).toMatchObject({
    status: 3,
    stdout: expect.stringMatching(/^COLLISION mark .*tenant-a/m),
    stderr: "",
  });
  expect(planned.stdout).toMatch(/^COLLISION table .*tenant-b/m);
  expect(node.routes("apply", "--sysctl")).toMatchObject({
    status: 3,
    stderr: expect.stringContaining("--force"),
  });
  expect(report("plan").collisions.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(["mark", "table"]),
  );
  expect(node.snapshot()).toBe(before);
  expect(node.routes("apply", "--sysctl", "--force").status).toBe(0);
  expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
  expect(node.routes("remove").status).toBe(0);
  expect(node.snapshot()).toBe(before);
});

test("a rule that marks a pod: plan shows it first, with the pod and the command that ends it", () => {
  node.routes("apply", "--sysctl");
  const key = { network: "routes", containerId: "c1", ifname: "eth0" };
  createJournal(join(node.dir, "data")).write(attachmentTag(key), {
    ...{ format: 1, state: "complete", key, netns: "/run/netns/gone" },
    ...{ owner: { pid: 1, startTime: "1" }, pod: { namespace: "plain", name: "client-0" } },
    ...{ tenant: "tenant-a", mark: { value: 0x10, mask: 0xff }, addresses: ["10.200.0.5"] },
    ...{ cniVersion: "1.0.0", since: "2026-01-01T00:00:00Z" },
  });
  node.run("iptables-nft -t mangle -A PREROUTING -s 10.200.0.5 -j MARK --set-xmark 0x20/0xff");
  const { status, stdout } = node.routes("plan");
  expect(status).toBe(3);
  const [, first, ...more] = unwrapped(stdout).split("\n");
  expect(first).toMatch(
    /^COLLISION (mark|mask) .*"-s 10\.200\.0\.5\/32 -j MARK --set-xmark 0x20\/0xff" .* which hits plain\/client-0 /,
  );
  expect(more.slice(0, 2).join("\n")).toContain("TENANT");
  const text = stdout.split("\n").filter((line) => !line.endsWith("\\"));
  expect(text.filter((line) => line.length > 100)).toEqual([]);
  const [, fix = ""] = /fix: (iptables-nft [^"]*?0x20\/0xff)/.exec(unwrapped(stdout)) ?? [];
  node.run(fix);
  expect(node.routes("plan").status).toBe(0);
});

test("every tenant would go: plan warns, apply refuses, --yes does it", () => {
  node.routes("apply", "--sysctl");
  const before = node.snapshot();
  node.configure({ "tenant-a": { fwmark: "0x10/0xff" } });
  const planned = node.routes("plan");
  expect([planned.status, unwrapped(planned.stdout)]).toEqual([
    1,
    expect.stringMatching(/^EVERY TENANT GOES: .*\(0x10\/0xff,/m),
  ]);
  expect(JSON.parse(node.routes("plan", "-o", "json").stdout)).toMatchObject({
    takenAway: ["0x10/0xff", "0x20/0xff"],
  });
  expect(node.routes("apply")).toMatchObject({
    status: 2,
    stdout: expect.stringMatching(/^changes that were not made:/m),
    stderr: expect.stringMatching(/name the right file with --conf, or say --yes/),
  });
  expect(node.snapshot()).toBe(before);
  expect(node.routes("apply", "--yes")).toMatchObject({ status: 0, stderr: "" });
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.0.0.1");
  expect(node.routes("plan").status).toBe(0);
});

test("on a terminal apply asks whether every tenant may go, and does what the answer says", async () => {
  node.routes("apply", "--sysctl");
  const before = node.snapshot();
  node.configure({ "tenant-a": { fwmark: "0x10/0xff" } });
  expect(await answered("n")).toMatchObject({
    status: 1,
    said: expect.stringMatching(/EVERY TENANT GOES[^]*\[y\/N\] [^]*nothing was changed/),
  });
  expect(node.snapshot()).toBe(before);
  expect(await answered("y")).toMatchObject({
    status: 0,
    said: expect.stringMatching(/\[y\/N\] [^]*changes made:[^]*rule del pref 32765/),
  });
});

/** `wrapper routes apply` on a terminal, with an answer to its question. */
function answered(answer: string): Promise<{ status: number | null; said: string }> {
  const call = `${WRAPPER} routes apply --conf ${node.conf}`;
  const child = spawn("ip", ["netns", "exec", node.netns, "script", "-qec", call, "/dev/null"], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TERM: "xterm" },
  });
  let said = "";
  child.stdout.on("data", (piece: Buffer) => {
    const isAsked = said.includes("[y/N]");
    said += piece.toString();
    if (!isAsked && said.includes("[y/N]")) child.stdin.write(`${answer}\r`);
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, said })));
}

test("--force hides no problem: the status is still 1", () => {
  node.ip("rule", "add", "pref", "50", "fwmark", "0x10/0x10", "lookup", "100");
  expect(node.routes("apply", "--force").status).toBe(1);
});

test("-o json says the same to a program", () => {
  const planned = report("plan", "--sysctl");
  const text = unwrapped(node.routes("plan", "--sysctl").stdout);
  for (const { command } of planned.changes)
    for (const line of command.trimEnd().split("\n")) expect(text).toContain(line);
  expect(planned.tenants).toEqual([
    {
      name: "tenant-a",
      mark: "0x10/0xff",
      table: 100,
      gateways: [
        { family: 4, via: "10.10.10.1", dev: "eth1", weight: 1 },
        { family: 6, via: "fd00:10::1", dev: "eth1", weight: 1 },
      ],
      routes: [],
    },
    {
      name: "tenant-b",
      mark: "0x20/0xff",
      table: 200,
      gateways: [{ family: 4, via: "10.10.20.1", dev: "eth2", weight: 1 }],
      routes: [],
    },
  ]);
  expect(report("apply", "--sysctl").changes).toEqual(planned.changes);
  expect(report("show")).toMatchObject({ changes: [], collisions: [], failures: [] });
  const { changes } = JSON.parse(node.routes("remove", "-o", "json").stdout) as {
    changes: { kind: string; command: string }[];
  };
  expect(changes).toContainEqual({
    kind: "rule",
    command: "ip -4 rule del pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
  });
});

test("the printed commands, run by hand, make the same node", () => {
  node.configure(
    { "tenant-a": { ...A, snat: "masquerade", mtu: 1400 }, "tenant-b": B },
    { podNetworks: ["10.88.0.0/16"], acceptForward: true, namesDir: "" },
    { iptables: "nft" },
  );
  const commands = report("plan", "--sysctl").changes.map(({ command }) => command);
  node.run(["set -e", ...commands, ""].join("\n"));
  // Only the listing of the nft table is unknown, as there is no record: it is written once more.
  expect(report("plan", "--sysctl").changes.map(({ kind }) => kind)).toEqual(["nat"]);
});

test.each([
  ["no action", () => [""], /no action.*plan, apply/],
  ["an unknown action", () => ["aply"], /unknown action "aply".*plan, apply/],
  ["an unknown format", () => ["plan", "-o", "yaml"], /yaml.*table or json/],
  [
    "a conflist that is not there",
    () => ["plan", "--conf", join(node.dir, "none")],
    /none cannot be read/,
  ],
])("%s: 2, and what to do", (_, args, says) => {
  const { status, stdout, stderr } = node.routes(...args());
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(says);
});

test("a wrong conflist: 2 with every problem, and nothing is changed", () => {
  const before = node.snapshot();
  node.configure(
    { "tenant-a": { ...A, table: 254 }, "tenant-b": { ...B, table: 300, snat: "sometimes" } },
    { tenantPriority: 10, masquerade: true },
  );
  const { status, stdout, stderr } = node.routes("apply", "--sysctl");
  expect([status, stdout]).toEqual([2, ""]);
  for (const place of ["/tenants/tenant-a/table", "/tenants/tenant-b/snat"])
    expect(stderr).toContain(place);
  expect(node.snapshot()).toBe(before);
});

test("not as root: 2, before anything is looked at", () => {
  const { status, stderr } = spawnSync(
    "setpriv",
    ["--reuid", "65534", "--clear-groups", WRAPPER, "routes", "plan", "--conf", node.conf],
    { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } },
  );
  expect([status, stderr]).toEqual([2, expect.stringMatching(/root/)]);
});
