/** `wrapper routes apply` that the node refuses something, that is killed, or that is not alone. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KILLERS, killAfter } from "../helpers/node-kill";
import { type Ran, TENANTS, useRoutesNode, WRAPPER } from "../helpers/routes-node";
import { until } from "../helpers/shell";

const node = useRoutesNode();
const [A, B] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];
const CLOSED = /unreachable|No route to host/;

/**
 * `wrapper routes apply` where nft refuses a ruleset when the shell finds `refuses` true of the
 * file $input, in a mount namespace of its own in which `and` was done too.
 */
function withNft(
  { refuses, and = "true" }: { readonly refuses: string; readonly and?: string },
  ...args: string[]
): Ran {
  const nft = node.run("readlink -f $(command -v nft)").trim();
  const broken = join(node.dir, "nft");
  const script = [
    "#!/bin/sh",
    `[ "$1" = -f ] || exec ${broken}-real "$@"`,
    `input=${node.dir}/input; cat >"$input"`,
    `if ${refuses}; then echo no nat here >&2; exit 1; fi`,
    `exec ${broken}-real -f "$input"`,
  ];
  writeFileSync(broken, `${script.join("\n")}\n`, { mode: 0o755 });
  const prepare = `cp ${nft} ${broken}-real; mount --bind ${broken} ${nft}; ${and}`;
  const command = [WRAPPER, "routes", "apply", "--sysctl", "--conf", node.conf, ...args].join(" ");
  return spawnSync(
    "ip",
    ["netns", "exec", node.netns, "bash", "-c", `${prepare}; exec ${command}`],
    { encoding: "utf8", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } },
  );
}

interface Change {
  readonly kind: string;
  readonly command: string;
}

function changes(json: string): readonly Change[] {
  return (JSON.parse(json) as { readonly changes: readonly Change[] }).changes;
}

test("/proc/sys that cannot be written to, and a kernel that refuses the nft table: told with status 1, and no tenant leaks", () => {
  node.configure({ "tenant-a": { ...A, snat: "none" }, "tenant-b": B });
  const readOnly = "mount --bind -o ro /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys";
  const { status, stdout } = withNft({ refuses: "true", and: readOnly });
  expect([status, stdout]).toEqual([
    1,
    expect.stringMatching(/^FAILED: \/proc\/sys\/net\/ipv4\/ip_forward cannot be set to 1/m),
  ]);
  expect(stdout).toMatch(/^FAILED: nft -f - failed: no nat here/m);
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.1");
  node.ip("link", "set", "eth1", "down");
  expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
  expect(node.routes("apply", "--sysctl").status).toBe(1);
  expect(node.get("ipv4/ip_forward")).toBe("1");
});

test("of two nft tables that begin alike and one of which the kernel refuses, the other is reported as made", () => {
  const way = (via: string): void =>
    node.configure({ "tenant-a": { ...A, snat: "masquerade", gateways: [{ via }] } });
  way("10.10.10.1");
  node.routes("apply", "--sysctl");
  way("10.10.20.1");
  const planned = changes(node.routes("plan", "--sysctl", "-o", "json").stdout);
  expect(planned.map(({ kind }) => kind)).toEqual(["nat", "route", "nat", "sysctl"]);
  // Only the translation for the time in between names both devices.
  const { status, stdout } = withNft(
    { refuses: 'grep -q eth1 "$input" && grep -q eth2 "$input"' },
    "-o",
    "json",
  );
  expect([status, changes(stdout)]).toEqual([1, planned.slice(1)]);
  expect(node.run("nft list table inet tenant-routing")).toMatch(/eth2/);
  expect(node.routes("apply", "--sysctl").status).toBe(0);
  expect(node.routes("show").status).toBe(0);
});

test.each(["alone", "tree"] as const)(
  "killed at any moment (%s): remove restores the node, or apply finishes",
  async (kind) => {
    node.configure(
      { "tenant-a": { ...A, snat: "none" }, "tenant-b": B },
      {
        podNetworks: ["10.88.0.0/16"],
        acceptForward: true,
        nodeRoutes: [{ dst: "10.89.0.0/16", via: "10.0.0.7" }],
      },
    );
    node.ip("route", "add", "default", "via", "10.10.10.9", "dev", "eth1", "table", "100");
    const started = performance.now();
    node.routes("apply", "--sysctl", "--force");
    const took = performance.now() - started;
    const done = node.snapshot();
    node.routes("remove");
    const before = node.snapshot();
    writeFileSync(
      join(node.dir, "apply.sh"),
      `#!/bin/sh\nexec ${WRAPPER} routes apply --sysctl --force --conf ${node.conf}\n`,
      { mode: 0o755 },
    );
    let [killed, midway] = [0, 0];
    const seenEnough = (): boolean => [killed, midway].every((count) => count > 1);
    // How much slower the machine has become since `took`, learnt from each kill.
    let slower = 1;
    for (let step = 0; step < 12 || (step < 60 && !seenEnough()); step++) {
      const ms = Math.round(took * slower * (0.4 + 0.05 * (step % 12)));
      const doomed = {
        netns: node.netns,
        command: join(node.dir, "apply.sh"),
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
        stdin: "",
      };
      const wasKilled = (await killAfter(ms, KILLERS[kind], doomed)).exit === null;
      if (wasKilled) killed++;
      await until(
        "the last child has ended",
        () =>
          spawnSync("ip", ["netns", "pids", node.netns], { encoding: "utf8" }).stdout.trim() === "",
      );
      const found = node.snapshot();
      if (![before, done].includes(found)) midway++;
      if (!wasKilled || found === done) slower *= 0.9;
      else if (found === before) slower *= 1.1;
      if (step % 2 === 0) {
        expect([ms, node.routes("apply", "--sysctl", "--force").status]).toEqual([ms, 0]);
        expect([ms, node.snapshot()]).toEqual([ms, done]);
      }
      expect([ms, node.routes("remove").status]).toEqual([ms, 0]);
      expect([ms, node.snapshot()]).toEqual([ms, before]);
    }
    expect(seenEnough()).toBe(true);
  },
);

test("two at once: one waits for the other", async () => {
  const script = Array.from(
    { length: 4 },
    () => `${WRAPPER} routes apply --sysctl --conf ${node.conf} >/dev/null & p="$p $!"`,
  ).join("\n");
  node.run(`${script}\nfor each in $p; do wait $each || exit 1; done`);
  expect(node.routes("show").status).toBe(0);
});

test("a record that cannot be used: 2, and which file it is", () => {
  node.routes("apply", "--sysctl");
  const file = node.run(`ls ${node.dir}/data/routes/netns-*`).trim();
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.slice(0, 40));
  expect(node.routes("remove")).toMatchObject({ status: 2, stderr: expect.stringContaining(file) });
  writeFileSync(file, text);
  expect(node.routes("remove").status).toBe(0);
});
