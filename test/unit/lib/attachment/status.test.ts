import { status } from "../../../../lib/attachment/status";
import { tenantWith } from "../../../helpers/conf-object";
import { setUp, type Setup } from "../../../helpers/context";

let s: Setup;
afterEach(() => s.cleanUp());

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
