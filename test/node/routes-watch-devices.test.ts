/**
 * `wrapper routes watch` and the devices of the gateways: a cable that is out, a device that goes,
 * one without ARP.
 */
import { useRoutesNode } from "../helpers/routes-node";
import { useWatchers } from "../helpers/routes-watch";
import { sh } from "../helpers/shell";

const watchers = useWatchers(() => node);
const node = useRoutesNode();
const [A, B] = ["10.10.10.1", "10.10.20.1"];
const FAR = "203.0.113.1";
const BOTH = {
  "tenant-a": { fwmark: "0x10/0xff", table: 100, gateways: [{ via: A }, { via: B }] },
};

const gatewayIp = (device: "eth1" | "eth2", ...args: string[]): string =>
  sh("ip", "-n", node.gateway(device), ...args);
/** A gateway whose machine hangs: its cable is in, and it answers nothing. */
const silence = (device: "eth1" | "eth2"): string =>
  gatewayIp(device, "link", "set", "lan", "arp", "off");

test("a cable that is out counts at once", async () => {
  node.configure(BOTH, watchers.settings({ failAfter: 100 }));
  const watching = await watchers.start();
  gatewayIp("eth1", "link", "set", "lan", "down");
  await watching.says(
    `gateway ${A} dev eth1 lost (no carrier on eth1); its packets go by ${B} dev eth2 now`,
  );
  gatewayIp("eth1", "link", "set", "lan", "up");
  await watching.says(`gateway ${A} dev eth1 is back`);
});

test("a device that goes down, and one that is made anew", async () => {
  node.configure(
    { "tenant-a": { ...BOTH["tenant-a"], gateways: [{ via: A, dev: "eth1" }] } },
    watchers.settings(),
  );
  const watching = await watchers.start();
  node.ip("link", "set", "eth1", "down");
  await watching.says(
    `tenant-a: gateway ${A} dev eth1 lost (device eth1 is down); its packets stop now`,
  );
  await watching.reaches("tenant-a", "stopped");
  expect(node.way(FAR, "0x10")).toMatch(/unreachable|No route to host/);
  node.ip("link", "set", "eth1", "up");
  await watching.reaches("tenant-a", "ok");
  expect(node.way(FAR, "0x10")).toContain(`via ${A} dev eth1`);
  node.ip("link", "del", "eth1");
  await watching.says(`lost (there is no device eth1)`);
  node.ip(
    "link",
    "add",
    "eth1",
    "type",
    "veth",
    "peer",
    "name",
    "lan",
    "netns",
    node.gateway("eth1"),
  );
  gatewayIp("eth1", "addr", "add", `${A}/24`, "dev", "lan");
  gatewayIp("eth1", "link", "set", "lan", "up");
  node.run("ip addr add 10.10.10.2/24 dev eth1; ip link set eth1 up");
  await watching.sees("the new device in the route", () =>
    node.way(FAR, "0x10").includes(`via ${A} dev eth1`),
  );
});

test("a gateway that is a device alone goes with its link, and nobody is asked behind one without ARP", async () => {
  node.configure(
    {
      "tenant-a": { ...BOTH["tenant-a"], gateways: [{ dev: "eth1" }] },
      "tenant-b": { fwmark: "0x20/0xff", table: 200, gateways: [{ via: B }] },
    },
    watchers.settings(),
  );
  silence("eth1");
  silence("eth2");
  node.ip("link", "set", "eth2", "arp", "off");
  const watching = await watchers.start();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect(watching.status().tenants.map(({ state }) => state)).toEqual(["ok", "ok"]);
  gatewayIp("eth1", "link", "set", "lan", "down");
  await watching.reaches("tenant-a", "stopped");
});
