import { parseCounted, trafficOf } from "../../../../../lib/marks/iptables/traffic";
import { ruleSpecs } from "../../../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { FOREIGN, KEY, OTHER, OTHER_TAG, RULE } from "./set-up";

const SLOT = { variant: "nft", family: 4 } as const;
const TAG = attachmentTag(KEY);

function counted(...rules: (readonly [string, number, number])[]): string {
  return ["*mangle", ...rules.map(([spec, p, b]) => `[${p}:${b}] -A ${spec}`), "COMMIT"].join("\n");
}

const [mark = "", reply = ""] = ruleSpecs(RULE, 4);

test("each of our rules has its counters, and foreign ones are passed over", () => {
  const rules = parseCounted(counted([FOREIGN, 9, 900], [mark, 5, 420], [reply, 2, 120]), SLOT);
  expect(rules.map(({ kind, packets, bytes }) => [kind, packets, bytes])).toEqual([
    ["mark", 5, 420],
    ["reply", 2, 120],
  ]);
});

test("packets that lost the mark again do not count, and each attachment counts apart", () => {
  const two = ruleSpecs({ ...RULE, addresses: ["10.0.0.5", "10.0.0.6"] }, 4);
  const [other = ""] = ruleSpecs(OTHER, 4);
  const rules = parseCounted(
    counted(
      [two[0] ?? "", 5, 500],
      [two[1] ?? "", 2, 200],
      [two[2] ?? "", 7, 700],
      [two[3] ?? "", 1, 100],
      [other, 3, 300],
    ),
    SLOT,
  );
  expect(trafficOf(rules)).toEqual([
    { backend: "nft", tag: TAG, mark: RULE.mark, packets: 9, bytes: 900 },
    { backend: "nft", tag: OTHER_TAG, mark: OTHER.mark, packets: 3, bytes: 300 },
  ]);
});

test("a rule that somebody has changed counts for nobody", () => {
  const changed = mark.replace("-m comment", "-p tcp -m comment");
  expect(trafficOf(parseCounted(counted([changed, 5, 500]), SLOT))).toEqual([]);
});
