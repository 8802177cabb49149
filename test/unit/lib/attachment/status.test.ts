import { CniError } from "../../../../lib/cni/error";
import { status } from "../../../../lib/attachment/status";
import { tenantWith } from "../../../helpers/conf-object";
import { failing, onNode, setUp, type Setup } from "../../../helpers/context";

let s: Setup;
afterEach(() => s.cleanUp());
const verbs = () => s.calls.map(({ verb }) => verb);

test("all well: the delegate is asked", async () => {
  s = setUp();
  expect(await status(s.context)).toBe("");
  expect(verbs()).toEqual(["STATUS"]);
});
test.each<[string, () => void, number, RegExp]>([
  [
    "rules",
    () => {
      s.marks.fail.probe = new CniError("rules", "no iptables");
    },
    50,
    /no iptables/,
  ],
  [
    "old delegate",
    () => {
      s.answers["STATUS"] = failing(4, "unknown CNI_COMMAND: STATUS");
    },
    50,
    /before 1\.6\.0/,
  ],
  [
    "delegate 51",
    () => {
      s.answers["STATUS"] = failing(51, "limited");
    },
    51,
    /limited/,
  ],
  [
    "delegate 50",
    () => {
      s.answers["STATUS"] = failing(50, "down");
    },
    50,
    /down/,
  ],
])("%s", async (_name, prepare, code, message) => {
  s = setUp();
  prepare();
  await expect(status(s.context)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});
test("a missing delegate or kubeconfig is 50", async () => {
  s = setUp({ delegate: { type: "absent" } });
  await expect(status(s.context)).rejects.toMatchObject({ code: 50 });
  s.cleanUp();
  s = setUp();
  const checkKubeconfig = () => {
    throw new CniError("kubeconfig", "gone");
  };
  await expect(status(onNode(s, { checkKubeconfig }))).rejects.toMatchObject({ code: 50 });
});
test("chained mode has no delegate to ask", async () => {
  s = setUp({ delegate: undefined });
  await status(s.context);
  expect(verbs()).toEqual([]);
});

test.each([
  ["type", { type: "absent" }, /tenant "vpn": plugin "absent" is in none/],
  ["IPAM", { ipam: { type: "absent-ipam" } }, /tenant "vpn": plugin "absent-ipam" is in none/],
  [
    "netconf",
    { type: "bridge", ipam: { type: "noop" } },
    /tenant "vpn": delegate "bridge": "isGateway" or/,
  ],
])(
  "a tenant's own %s that cannot work: 50 naming the tenant, and no delegate is asked",
  async (_name, delegate, message) => {
    s = setUp({ tenants: [tenantWith(), tenantWith({ name: "vpn", delegate })] });
    await expect(status(s.context)).rejects.toMatchObject({
      code: 50,
      message: expect.stringMatching(message),
    });
    expect(s.calls).toEqual([]);
  },
);

test("tenants whose delegates can run: only the conflist's own is asked", async () => {
  s = setUp({ tenants: [tenantWith(), tenantWith({ name: "vpn", delegate: { mtu: 1400 } })] });
  await status(s.context);
  expect(s.calls.map(({ verb, netconf }) => [verb, netconf["mtu"]])).toEqual([
    ["STATUS", undefined],
  ]);
});
