import { nativeTables, nftRemoval } from "../../../../lib/text/nft-json";

const within = (family: string, table: string) => ({ family, table });

test("tables, chains and rules of others; not those of iptables-nft, and not ours", () => {
  const json = {
    nftables: [
      { metainfo: {} },
      ...["site", "ours"].map((name) => ({ table: { family: "inet", name } })),
      { table: { family: "ip", name: "mangle" } },
      {
        chain: {
          ...within("inet", "site"),
          name: "pre",
          hook: "prerouting",
          prio: -150,
          policy: "drop",
        },
      },
      { set: { ...within("inet", "site"), name: "s", elem: ["192.0.2.1"] } },
      { map: { ...within("inet", "site"), name: "m", elem: [[1, { drop: null }]] } },
      { map: { ...within("inet", "ours"), name: "m", elem: [] } },
      { chain: { ...within("inet", "site"), name: "deep" } },
      { chain: { ...within("inet", "ours"), name: "x", hook: "forward" } },
      { rule: { ...within("inet", "site"), chain: "pre", handle: 7, expr: [{ drop: null }, 3] } },
      { rule: { ...within("ip", "mangle"), chain: "PREROUTING", handle: 8, expr: [] } },
    ],
  };
  expect(nativeTables(json, ["inet ours"])).toEqual({
    tables: ["inet site"],
    chains: [
      { table: "inet site", name: "pre", hook: "prerouting", priority: -150, policy: "drop" },
      {
        table: "inet site",
        name: "deep",
        hook: undefined,
        priority: undefined,
        policy: undefined,
      },
    ],
    rules: [{ table: "inet site", chain: "pre", handle: 7, statements: [{ drop: null }, {}] }],
    sets: [
      { table: "inet site", name: "s", elements: ["192.0.2.1"] },
      { table: "inet site", name: "m", elements: [[1, { drop: null }]] },
    ],
  });
});

test("what is no ruleset has nothing", () => {
  for (const json of [undefined, null, 3, {}, { nftables: [3, null] }])
    expect(nativeTables(json, [])).toEqual({ tables: [], chains: [], rules: [], sets: [] });
});

test("names are words of a shell in the command that removes a rule", () => {
  expect(nftRemoval({ table: "inet it's", chain: "$(x)", handle: 4 })).toBe(
    `nft delete rule inet 'it'\\''s' '$(x)' handle 4`,
  );
});
