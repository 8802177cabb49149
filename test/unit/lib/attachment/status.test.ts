import type { Severity } from "../../../../lib/checks/finding";
import type { Check } from "../../../../lib/checks/run";
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
test("a missing delegate is 50", async () => {
  s = setUp({ delegate: { type: "absent" } });
  await expect(status(s.context)).rejects.toMatchObject({ code: 50 });
});

const findings = (...severities: readonly Severity[]): Check => ({
  ...{ name: "disk", category: "node", local: true },
  look: async () => ({
    findings: severities.map((severity) => ({
      ...{ kind: "k", code: "TR1", category: "node" as const, severity },
      ...{ fault: `a ${severity} thing`, consequence: "c", remedy: "mend it", subject: undefined },
    })),
  }),
});
const blind: Check = {
  ...{ name: "kubeconfig", category: "credentials", local: true },
  look: () => Promise.reject(new CniError("io", "gone")),
};

test("what checks find is 50 with code and remedy, and no delegate is asked", async () => {
  s = setUp();
  const addChecks = async () => [findings("warning", "failed"), blind];
  await expect(status(onNode(s, { addChecks }))).rejects.toMatchObject({
    code: 50,
    message: "TR1 a failed thing: mend it; could not look at the kubeconfig: gone",
  });
  expect(s.calls).toEqual([]);
});

test("a mere warning is no reason to fail", async () => {
  s = setUp();
  expect(await status(onNode(s, { addChecks: async () => [findings("warning")] }))).toBe("");
  expect(verbs()).toEqual(["STATUS"]);
});

test("the checks are told what the request has", async () => {
  s = setUp();
  const addChecks = jest.fn(async () => []);
  await status(onNode(s, { addChecks }));
  const { conf, marks, cni } = s.context.request;
  expect(addChecks.mock.calls).toEqual([[{ conf, marks, path: cni.path }]]);
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
