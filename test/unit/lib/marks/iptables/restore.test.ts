/** Many attachments at once: what is put back, what is passed over, and what is taken back. */
import { CniError } from "../../../../../lib/cni/error";
import { restoreInput, ruleSpecs } from "../../../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../../../lib/marks/tag";
import type { RestoreOrder } from "../../../../../lib/ports";
import { fakeHost } from "../../../../helpers/fakes";
import { DUAL, EMPTY, FAILED, KEY, listing, OTHER, RULE, useRules } from "./set-up";

const setUp = useRules();
const IPV4 = { host: fakeHost({ ipv6: false }) };
const TAG = attachmentTag(KEY);
const SECOND = { ...OTHER, addresses: ["10.0.0.6"] };
const SECOND_TAG = attachmentTag(SECOND.key);
const order = (rule: typeof RULE, more: Partial<RestoreOrder> = {}): RestoreOrder => ({
  ...rule,
  place: "nft",
  ...more,
});
const superseded = (): never => {
  throw new CniError("superseded", "deleted");
};

test("all that is missing comes back in one transaction of each family, under the locks of all addresses", async () => {
  const { exec, locks, rules } = setUp([EMPTY, EMPTY, "", ""]);
  expect(await rules.restore([order(DUAL), order(SECOND)])).toEqual([
    { tag: TAG, place: "nft", changed: true },
    { tag: SECOND_TAG, place: "nft", changed: true },
  ]);
  expect(exec.inputs).toEqual([
    restoreInput([], [...ruleSpecs(DUAL, 4), ...ruleSpecs(SECOND, 4)]),
    restoreInput([], ruleSpecs(DUAL, 6)),
  ]);
  expect(locks.names).toEqual(["10.0.0.5", "fd00::5", "10.0.0.6"]);
});

test("nothing is written where all is as it should be", async () => {
  const { exec, rules } = setUp([listing(...ruleSpecs(RULE, 4))], IPV4);
  expect(await rules.restore([order(RULE)])).toEqual([{ tag: TAG, place: "nft", changed: false }]);
  expect(exec.inputs).toEqual([]);
});

test("where one rule is wrong, those of its attachment are replaced in order, and no others", async () => {
  const [mark = "", reply = ""] = ruleSpecs(RULE, 4);
  const { exec, rules } = setUp([listing(reply, mark, ...ruleSpecs(SECOND, 4)), ""], IPV4);
  await rules.restore([order(RULE), order(SECOND)]);
  expect(exec.inputs).toEqual([restoreInput([reply, mark], [mark, reply])]);
});

test("an order that is not wanted any more, or whose address another attachment has, is passed over", async () => {
  const { exec, rules } = setUp([listing(...ruleSpecs(SECOND, 4))], IPV4);
  const taken = order({ ...RULE, addresses: SECOND.addresses });
  const gone = order({ ...RULE, key: { ...KEY, containerId: "c3" } }, { confirm: superseded });
  expect(await rules.restore([taken, gone])).toEqual([]);
  expect(exec.inputs).toEqual([]);
});

test("what a DEL ended meanwhile is taken back before anybody else gets the address", async () => {
  let asked = 0;
  const confirm = (): void => {
    if (++asked > 1) superseded();
  };
  const { exec, rules } = setUp(
    [EMPTY, "", listing(...ruleSpecs(RULE, 4), ...ruleSpecs(SECOND, 4)), ""],
    IPV4,
  );
  expect(await rules.restore([order(RULE, { confirm }), order(SECOND)])).toEqual([
    { tag: SECOND_TAG, place: "nft", changed: true },
  ]);
  expect(exec.inputs[1]).toEqual(restoreInput(ruleSpecs(RULE, 4), []));
});

test("a failure in one family keeps no rule in the other from coming back", async () => {
  const { exec, rules } = setUp([EMPTY, EMPTY, FAILED, "", EMPTY]);
  await expect(rules.restore([order(DUAL)])).rejects.toThrow("line 3 failed");
  expect(exec.inputs).toHaveLength(2);
});

test("rules come back to the variant that the record names, and after that what is in another goes", async () => {
  const host = fakeHost({ legacy4: ["mangle"], ipv6: false });
  const there = listing(...ruleSpecs(RULE, 4));
  const { exec, rules } = setUp([EMPTY, there, "", there, ""], { host });
  expect(await rules.restore([order(RULE)])).toEqual([{ tag: TAG, place: "nft", changed: true }]);
  expect(exec.inputs).toEqual([
    restoreInput([], ruleSpecs(RULE, 4)),
    restoreInput(ruleSpecs(RULE, 4), []),
  ]);
});

test("what is in another variant stays while the rules cannot be put where they belong", async () => {
  const host = fakeHost({ legacy4: ["mangle"], ipv6: false });
  const there = listing(...ruleSpecs(RULE, 4));
  const { exec, rules } = setUp([EMPTY, there, FAILED, EMPTY], { host });
  await expect(rules.restore([order(RULE)])).rejects.toThrow("line 3 failed");
  expect(exec.inputs).toEqual([restoreInput([], ruleSpecs(RULE, 4))]);
});

test("a legacy table that is gone is made again; without a place, the variant of new rules is used", async () => {
  const host = fakeHost({ legacy4: [], ipv6: false });
  const legacy = setUp([EMPTY, ""], { host });
  expect(await legacy.rules.restore([order(RULE, { place: "legacy" })])).toEqual([
    { tag: TAG, place: "legacy", changed: true },
  ]);
  expect(legacy.exec.calls.at(-1)).toContain("iptables-legacy-restore");
  const { rules } = setUp([EMPTY, ""], { host });
  expect(await rules.restore([order(RULE, { place: undefined })])).toEqual([
    { tag: TAG, place: "nft", changed: true },
  ]);
});
