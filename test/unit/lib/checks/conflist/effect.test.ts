import { effectOf, effectText } from "../../../../../lib/checks/conflist/effect";
import { confOf, listOf, OURS } from "./set-up";

const text = (...plugins: object[]): string => {
  const conflist = listOf(...plugins);
  return effectText(effectOf(conflist, confOf(conflist)), (line) => line);
};

test("plugins in their order, sources, tenants with table and gateways", () => {
  const tenants = {
    a: {
      fwmark: "0x10/0xff",
      namespaces: ["a", "b", "c"],
      table: 100,
      gateways: [{ via: "10.0.0.1", dev: "eth1" }],
    },
    b: { fwmark: "0x20/0xff", delegate: { mtu: 1400 } },
  };
  const ours = { ...OURS, kubeconfig: "/k", tenants, exemptNamespaces: ["kube-system"] };
  expect(text(ours, { type: "portmap" })).toBe(
    [
      "network pods, CNI 1.0.0: tenant-routing-wrapper (delegate ptp, addresses by host-local, changed for 1 of 2 tenants), then portmap",
      "annotations from the runtime, else the API server (/k); exempt: kube-system",
      "  TENANT  MARK       TABLE  GATEWAYS           NAMESPACES",
      "  a       0x10/0xff  100    10.0.0.1 dev eth1  a, b and 1 more",
      "  b       0x20/0xff  -      -                  all",
      "",
    ].join("\n"),
  );
});

test("chained, without tenants", () => {
  const { delegate: _, ...chained } = OURS;
  expect(text({ type: "flannel" }, chained)).toBe(
    [
      "network pods, CNI 1.0.0: flannel, then tenant-routing-wrapper (chained)",
      "annotations from the runtime",
      "no tenants: every mark other than 0 is accepted",
      "",
    ].join("\n"),
  );
});
