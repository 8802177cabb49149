import { PATH } from "../../../../../lib/checks/kinds/path";

const KINDS = Object.entries(PATH);

test("each kind has a code of its own, in the order of the way", () => {
  const codes = KINDS.map(([, { code }]) => code);
  expect(codes).toEqual([...new Set(codes)].sort());
  expect(codes.filter((code) => !/^TR09\d\d$/.test(code))).toEqual([]);
});

/** Every fact that any of them asks for. */
const FACTS = {
  ...{ pod: "team-a/web-0", tenant: "tenant-a", option: " --conf x", verb: "ADD", text: "-j X" },
  ...{ where: "iptables-nft mangle PREROUTING", removal: "remove it", mark: { value: 1, mask: 1 } },
  ...{
    have: 2,
    rule: "pref 1",
    table: 100,
    family: 4,
    want: "x",
    remedy: "do it",
    to: "192.0.2.1",
  },
  ...{ why: "because", dev: "eth1", via: "192.0.2.2", neighbour: "FAILED", at: "x", behind: "y" },
  ...{ hop: "192.0.2.2 on eth1", answersTo: "10.88.0.2", isStandIn: false },
};

test.each(KINDS)("the sentences of %s have no full stop and leave nothing out", (_, kind) => {
  const { fault, consequence, remedy } = kind as unknown as Record<
    "fault" | "consequence" | "remedy",
    (facts: typeof FACTS) => string
  >;
  for (const text of [fault, consequence, remedy].map((say) => say(FACTS))) {
    expect(text).not.toMatch(/undefined|\.$|^$/);
  }
});
