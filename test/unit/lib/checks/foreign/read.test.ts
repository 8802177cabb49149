/** The firewalls of a node, read for foreign rules. */
import { readForeign } from "../../../../../lib/checks/foreign/read";
import type { Programs } from "../../../../../lib/node/programs";
import type { Saved } from "../../../../../lib/routes/kernel/forward";

const MARKING: Saved = {
  program: "iptables-nft",
  text: "*mangle\n-A PREROUTING -s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff\nCOMMIT\n",
};
const HELD: Saved = { program: "iptables-legacy", problem: "the lock is held" };
const RULESET = JSON.stringify({
  nftables: [
    { table: { family: "ip", name: "other" } },
    { chain: { family: "ip", table: "other", name: "pre" } },
    {
      rule: {
        ...{ family: "ip", table: "other", chain: "pre", handle: 7 },
        expr: [
          {
            match: {
              op: "==",
              left: { payload: { protocol: "ip", field: "saddr" } },
              right: "10.1.0.6",
            },
          },
          { mangle: { key: { meta: { key: "mark" } }, value: 0x30 } },
        ],
      },
    },
  ],
});

function read(saved: readonly Saved[], nft?: string) {
  const programs: Programs = {
    has: (name) => name === "nft" && nft !== undefined,
    try: () => Promise.reject(new Error("not asked for")),
    run: async (name, args) => {
      expect([name, ...args]).toEqual(["nft", "-j", "list", "ruleset"]);
      return nft ?? "";
    },
  };
  return readForeign(programs, { saved: async () => saved });
}

test("rules of iptables and of native tables, beside each other", async () => {
  const { rules, unseen } = await read([MARKING], RULESET);
  expect(unseen).toEqual([]);
  expect(rules.map(({ where, removal }) => [where, removal])).toEqual([
    [
      "iptables-nft mangle PREROUTING",
      "iptables-nft -w -t mangle -D PREROUTING -s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff",
    ],
    ["nft ip other pre", "nft delete rule ip other pre handle 7"],
  ]);
});

test("what cannot be read is named, and the rest is read all the same", async () => {
  const { rules, unseen } = await read([HELD, MARKING], "{");
  expect(rules.map(({ where }) => where)).toEqual(["iptables-nft mangle PREROUTING"]);
  expect(unseen).toEqual(["the lock is held", "the output of nft -j list ruleset is not JSON"]);
});

test("a node without nft has no native tables", async () => {
  expect(await read([])).toEqual({ rules: [], unseen: [] });
});
