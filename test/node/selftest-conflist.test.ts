/** `wrapper selftest` on conflists that do not keep a promise: each is found, and nothing else is called wrong. */
import { conditions, run, useDirectory, writeConflist, type Changes } from "../helpers/selftest";

// One run takes some 6 s on a quiet machine of two cores, up to 30 s where pods get no answers.
const dir = useDirectory();

/** Mistakes that do not hide each other are in one conflist: each has its own pattern. */
const CASES: readonly (readonly [string, Changes, readonly RegExp[]])[] = [
  [
    "onError allow; a tenant without a gateway; replies marked, and ports published; a delegate that hides pods",
    {
      ours: { onError: "allow", markReplies: true },
      tenants: { red: { fwmark: "0x20/0xff", table: 200 } },
      delegate: { ipMasq: true },
    },
    [
      /^FAILED fail-closed : a pod whose tenant the API server does not tell starts \| onError is "allow"/,
      /^FAILED own gateway red: it has a table and no gateway/,
      /^FAILED reply path : markReplies is true: .*portmap publishes ports.* \| remove "markReplies", or portmap/,
      /^note: the gateway of tenant blue sees 198\.18\.\d+\.1 instead of the pod's address/,
    ],
  ],
  [
    "tenants before a local rule at 100; a fallback; a tenant whose namespaces are exempt",
    {
      ours: {
        routes: { excludePriority: 48, localPriority: 49, tenantPriority: 50 },
        exemptNamespaces: ["green-*"],
      },
      tenant: { onGatewayLoss: "fallback" },
      tenants: { green: { fwmark: "0x20/0xff", namespaces: ["green-*"] } },
    },
    [
      /^FAILED local rule at 100 blue: .*its pod does not reach the node/,
      /^not applicable lost gateway stops blue: onGatewayLoss is fallback: .* leave by the node's default route/,
      /^FAILED pods are attached green: every namespace that may use it is exempt/,
    ],
  ],
  [
    "a mask over portmap's bit",
    { tenant: { fwmark: "0x1000/0x3000" } },
    [
      /^FAILED foreign marks survive blue: its mask covers bits of portmap \(0x2000\)/,
      /^FAILED node routes : with pods on the node wrapper routes apply refuses: .*CNI-HOSTPORT/,
    ],
  ],
  [
    "a delegate past the node",
    { delegate: { type: "macvlan", master: "eth7" } },
    [
      /^FAILED own gateway blue: its packets do not get out: .*\| macvlan leads pods' packets past the node's own routing/,
      /^FAILED own gateway no tenant: .*\| macvlan leads/,
    ],
  ],
];

test.each(CASES)("%s", (_, changes, expected) => {
  const { status, answer } = run(writeConflist(dir(), changes));
  const texts = [...conditions(answer), ...answer.notes.map((note) => `note: ${note}`)];
  for (const pattern of expected)
    expect(texts).toContainEqual(expect.stringMatching(pattern) as string);
  // The rest of the table is not drawn into it.
  const failed = texts.filter((text) => text.startsWith("FAILED"));
  expect(failed.filter((text) => !expected.some((pattern) => pattern.test(text)))).toEqual([]);
  expect(status).toBe(1);
});
