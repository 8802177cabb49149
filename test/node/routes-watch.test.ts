/** `wrapper routes watch` on a real node: what it repairs, and how it lives and dies. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLock } from "../../lib/node/lock";
import { TENANTS, useRoutesNode } from "../helpers/routes-node";
import { commandLine, useWatchers } from "../helpers/routes-watch";

const watchers = useWatchers(() => node);
const node = useRoutesNode();
const TRANSLATED = { ...TENANTS, "tenant-b": { ...TENANTS["tenant-b"], snat: "masquerade" } };

/** What it makes of the node, without what comes and goes by itself. */
const made = (): string =>
  [
    node.ip("rule").split("\n").sort().join("\n"),
    node.ip("route", "show", "table", "100"),
    node.ip("-6", "route", "show", "table", "100"),
    node.run("nft list table inet tenant-routing 2>&1 || :"),
    node.get("ipv4/conf/eth1/rp_filter"),
  ].join("\n");

test("makes the routes, repairs whatever others take away, and names the commands", async () => {
  node.configure(TRANSLATED, watchers.settings());
  const watching = await watchers.start({ args: ["--sysctl"] });
  const whole = made();
  expect(whole).toContain("fwmark 0x10/0xff lookup 100");
  expect(whole).toContain("masquerade");
  const damages = [
    "ip rule del pref 32765 fwmark 0x10/0xff",
    "ip rule del pref 32764",
    "ip route flush table 100",
    "ip -6 route flush table 100",
    "nft delete table inet tenant-routing",
    "nft flush table inet tenant-routing",
    "ip route replace default via 10.0.0.1 table 100 protocol kernel",
    "echo 1 >/proc/sys/net/ipv4/conf/eth1/rp_filter",
  ];
  for (const damage of damages) {
    const { repairs } = watching.status();
    node.run(damage);
    await watching.sees(`the repair after ${damage}`, () => made() === whole);
    await watching.sees("the repair in the status", () => watching.status().repairs > repairs);
  }
  expect(watching.said()).toContain(
    "repaired: ip -4 rule add pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel",
  );
  await watching.sees("the last repair", () =>
    watching.status().lastRepair?.commands.includes("sysctl -w net.ipv4.conf.eth1.rp_filter=2"),
  );
  // What it did itself makes no work for it.
  const { repairs } = watching.status();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(watching.status().repairs).toBe(repairs);
});

test("an event is enough: what is removed comes back long before the next interval", async () => {
  node.configure(TENANTS, watchers.settings({ interval: "10m" }));
  const watching = await watchers.start();
  node.ip("rule", "del", "pref", "32765", "fwmark", "0x10/0xff");
  await watching.says("repaired: ip -4 rule add pref 32765 fwmark 0x10/0xff");
});

test("leaves kernel settings alone without --sysctl, and says which are wrong", async () => {
  node.configure(TENANTS, watchers.settings());
  const watching = await watchers.start();
  node.ip("rule", "del", "pref", "32765", "fwmark", "0x10/0xff");
  await watching.says("repaired: ip -4 rule add");
  expect([node.get("ipv4/conf/eth1/rp_filter"), watching.said()]).toEqual([
    "1",
    expect.not.stringContaining("sysctl -w"),
  ]);
  expect(watching.said()).toMatch(
    /^net\.ipv4\.ip_forward is 0, .*; the reverse-path filter on eth1 is strict/m,
  );
});

test("a FORWARD rule that was removed comes back", async () => {
  node.configure(
    TENANTS,
    watchers.settings({}, { podNetworks: ["10.88.0.0/16"], acceptForward: true }),
  );
  const watching = await watchers.start();
  const accepts = (): number =>
    node
      .run("iptables-save -t filter")
      .split("\n")
      .filter((line) => line.includes("tenant-routing routes")).length;
  expect(accepts()).toBe(2);
  node.run("iptables -w 5 -F FORWARD");
  await watching.sees("the rules", () => accepts() === 2);
});

test("the status file: readable for all, true, and gone at the end; the routes stay", async () => {
  node.configure(TENANTS, watchers.settings());
  const watching = await watchers.start({ args: ["--sysctl", "-o", "json"] });
  await watching.reaches("tenant-a", "ok");
  expect(statSync(watchers.statusFile).mode & 0o777).toBe(0o644);
  expect(watching.status()).toMatchObject({
    pid: watching.pid,
    conf: node.conf,
    repairs: 0,
    lastRepair: null,
    error: null,
    tenants: [
      {
        name: "tenant-a",
        state: "ok",
        gateways: [
          { family: 4, via: "10.10.10.1", dev: "eth1", state: "up", lastError: null },
          { family: 6, via: "fd00:10::1", dev: "eth1", state: "up" },
        ],
      },
      {
        name: "tenant-b",
        state: "ok",
        gateways: [{ family: 4, via: "10.10.20.1", dev: "eth2", state: "up" }],
      },
    ],
  });
  const whole = made();
  watching.signal("SIGTERM");
  expect(await watching.ended()).toBe(0);
  expect([existsSync(watchers.statusFile), made()]).toEqual([false, whole]);
  expect(
    watching
      .said()
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { event: string }).event),
  ).toEqual(["start", "stop"]);
});

test("SIGUSR1 tells the status and opens no debugger; SIGINT ends it", async () => {
  node.configure(TENANTS, watchers.settings({ statusFile: "" }));
  const watching = await watchers.start();
  watching.signal("SIGUSR1");
  await watching.says(/^\{\n {2}"time": .*\n\}\n/ms);
  expect(node.run("ss -Hltn")).toBe("");
  watching.signal("SIGINT");
  expect([await watching.ended(), watching.said()]).toEqual([
    0,
    expect.not.stringMatching(/debugger|inspector/i),
  ]);
});

test("SIGHUP: a bad file changes nothing and is named, a good one is followed", async () => {
  node.configure(TENANTS, watchers.settings());
  const watching = await watchers.start();
  const good = readFileSync(node.conf, "utf8");
  writeFileSync(node.conf, "{");
  watching.signal("SIGHUP");
  await watching.says(
    /10-tr\.conflist was read again and is not used, the configuration before it stays: /,
  );
  writeFileSync(node.conf, good.replace('"dataDir":"', '"dataDir":"/x'));
  watching.signal("SIGHUP");
  await watching.says('another "dataDir" needs a restart');
  node.ip("rule", "del", "pref", "32765", "fwmark", "0x20/0xff");
  await watching.says("repaired: ip -4 rule add pref 32765 fwmark 0x20/0xff lookup 200");
  node.configure(
    { ...TENANTS, "tenant-b": { ...TENANTS["tenant-b"], table: 201 } },
    watchers.settings(),
  );
  watching.signal("SIGHUP");
  await watching.says("configuration read again, watching 2 tenants");
  expect(node.way("203.0.113.1", "0x20")).toContain("table 201");
  expect(node.run("ip route show table 200 2>/dev/null || :")).toBe("");
});

test("SIGHUP with a configuration that collides with others keeps the one before", async () => {
  node.configure(TENANTS, watchers.settings());
  const watching = await watchers.start();
  node.ip("route", "add", "198.51.100.0/24", "dev", "eth2", "table", "300");
  node.configure(
    { ...TENANTS, "tenant-b": { ...TENANTS["tenant-b"], table: 300 } },
    watchers.settings(),
  );
  watching.signal("SIGHUP");
  await watching.says("is not used, the configuration before it stays: it collides");
  expect(node.way("203.0.113.1", "0x20")).toContain("table 200");
});

test("does not start where it collides with others, unless it is forced", async () => {
  node.configure(TENANTS, watchers.settings());
  node.ip("rule", "add", "pref", "50", "fwmark", "0x10/0xff", "lookup", "300");
  const before = node.snapshot();
  const refused = await watchers.start({ early: true });
  expect([await refused.ended(), refused.said()]).toEqual([
    3,
    expect.stringMatching(/^COLLISION mark .*--force goes ahead/m),
  ]);
  expect([node.snapshot(), existsSync(watchers.statusFile)]).toEqual([before, false]);
  const forced = await watchers.start({ args: ["--force"] });
  await forced.reaches("tenant-a", "disturbed");
  await forced.reaches("tenant-b", "ok");
});

test("killed, it leaves neither process nor lock, and the next one has nothing to do; two at once there are not", async () => {
  node.configure(TENANTS, watchers.settings());
  const first = await watchers.start();
  const [monitor = ""] = await first.sees(
    "its ip monitor",
    () => first.monitors().length > 0 && first.monitors(),
  );
  const second = await watchers.start({ early: true });
  expect([await second.ended(), second.said()]).toEqual([
    2,
    expect.stringContaining("another wrapper routes watch is at work on this node"),
  ]);
  first.signal("SIGKILL");
  await first.ended();
  await first.sees("the end of its ip monitor", () => commandLine(monitor) === "");
  const third = await watchers.start();
  await third.says("nothing had to be changed");
});

test("goes on while the lock is busy, and says so once", async () => {
  node.configure(TENANTS, watchers.settings(), { lockTimeout: "100ms" });
  const watching = await watchers.start({ args: ["--sysctl"] });
  await createLock(join(node.dir, "data/routes")).hold(20_000, async () => {
    node.ip("rule", "del", "pref", "32765", "fwmark", "0x10/0xff");
    await watching.sees("the trouble", () =>
      watching.status().error?.includes("did not become free"),
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));
  });
  await watching.says("repaired: ip -4 rule add pref 32765 fwmark 0x10/0xff");
  await watching.sees("the end of the trouble", () => watching.status().error === null);
  expect(watching.said().match(/^the lock .* did not become free/gm)).toHaveLength(1);
});

test("its ip monitor is started again when it ends", async () => {
  node.configure(TENANTS, watchers.settings({ interval: "10m" }));
  const watching = await watchers.start();
  const [old] = await watching.sees(
    "its ip monitor",
    () => watching.monitors().length > 0 && watching.monitors(),
  );
  process.kill(Number(old), "SIGKILL");
  await watching.says("ip monitor ended (SIGKILL");
  await watching.sees("another ip monitor", () => watching.monitors().some((pid) => pid !== old));
  node.ip("rule", "del", "pref", "32765", "fwmark", "0x10/0xff");
  await watching.says("repaired: ip -4 rule add");
});
