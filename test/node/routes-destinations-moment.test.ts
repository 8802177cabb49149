/** Packets of a marked pod while networks with gateways of their own come, change, go and lose these gateways. */
import { expectOnly, MANY, NONE, useFloodedPod } from "../helpers/flood";
import { NETS, TENANTS, useRoutesNode } from "../helpers/routes-node";

const node = useRoutesNode();
const A = TENANTS["tenant-a"];
const { during } = useFloodedPod(node, "0x10/0xff");

function apply(status = 0): void {
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status, stderr: "" });
}

describe("networks with gateways of their own", () => {
  const BY_ETH2 = [{ via: "10.10.20.1" }, { via: "fd00:20::1" }];
  const TO = ["203.0.113.0/24", "2001:db8::/32"];
  const configure = (...routes: object[]): void =>
    node.configure({ "tenant-a": routes.length === 0 ? A : { ...A, routes } });
  const entry = (change: object = {}): object => ({ to: TO, gateways: BY_ETH2, ...change });
  /** The device goes down and comes back, with an apply behind each. */
  const lose = (device: keyof typeof NETS): void => {
    node.ip("link", "set", device, "down");
    apply(1);
    node.ip("link", "set", device, "up");
    node.ip("addr", "add", `${NETS[device][1]}::2/64`, "dev", device, "nodad");
    apply();
  };

  test("come, change and go: never one packet by the node's default route", async () => {
    configure();
    apply();
    const seen = await during(() => {
      for (const routes of [
        [entry()],
        [entry({ onGatewayLoss: "fallback" })],
        [entry({ gateways: A.gateways })],
        [entry(), entry({ to: ["203.0.113.64/26", "2001:db8::/64"], gateways: A.gateways })],
        [entry({ to: ["203.0.112.0/23", "2001:d00::/24"] })],
        [],
      ]) {
        configure(...routes);
        apply();
      }
    });
    expect(seen).toEqual({ eth0: NONE, eth1: MANY, eth2: MANY });
    for (const n of [...seen.eth1, ...seen.eth2]) expect(n).toBeGreaterThan(50);
  });

  test("are theirs alone while others of the tenant change", async () => {
    configure(entry());
    apply();
    expectOnly(
      "eth2",
      await during(() => {
        configure(entry({ mtu: 1400 }), { to: ["192.0.2.0/24"], gateways: [{ via: "10.0.0.1" }] });
        apply();
        configure(entry({ onGatewayLoss: "fallback" }));
        apply();
        configure(entry());
        apply();
      }),
    );
  });

  test("stop when their gateways are lost: nobody else gets one", async () => {
    configure(entry());
    apply();
    expectOnly("eth2", await during(() => lose("eth2")));
  });

  test("fall back to the tenant's own: the node's default route gets none", async () => {
    configure(entry({ onGatewayLoss: "fallback" }));
    apply();
    const seen = await during(() => lose("eth2"));
    expect(seen).toEqual({ eth0: NONE, eth1: MANY, eth2: MANY });
    for (const n of [...seen.eth1, ...seen.eth2]) expect(n).toBeGreaterThan(0);
  });
});
