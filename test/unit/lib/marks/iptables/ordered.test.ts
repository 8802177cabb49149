/** Removing what the record says first, and what the listing then finds. */
import { restoreInput, ruleSpecs, withEndMark } from "../../../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../../../lib/marks/tag";
import type { MarkOrder } from "../../../../../lib/ports";
import { fakeHost, type Answer } from "../../../../helpers/fakes";
import {
  DUAL,
  EMPTY,
  FAILED,
  FOREIGN,
  KEY,
  listing,
  OTHER,
  RESTORE4,
  RESTORE6,
  RULE,
  SAVE4,
  SAVE6,
  useRules,
} from "./set-up";

const setUp = useRules();
const TAGS = [attachmentTag(KEY)];
/** What the program says about the line after the transaction. */
const reached = (order: MarkOrder, family: 4 | 6): Answer => ({
  exitCode: 1,
  stderr: `iptables-nft-restore: line ${ruleSpecs(order, family).length + 3} failed\n`,
});
const removal = (order: MarkOrder, family: 4 | 6): string =>
  withEndMark(restoreInput(ruleSpecs(order, family), [])).input;

/** Removes with a record; says how many programs had been run when the rules were out of force. */
async function remove(
  { exec, rules }: Pick<ReturnType<typeof setUp>, "exec" | "rules">,
  order: MarkOrder = RULE,
  backend = "nft",
): Promise<number | undefined> {
  let at: number | undefined;
  const { addresses } = order;
  await rules.remove(
    TAGS,
    { backend, addresses, order },
    {
      outOfForce: () => void (at ??= exec.calls.length),
      silent: Promise.resolve(true),
    },
  );
  return at;
}

test("out of force after one program; the listing comes afterwards and finds nothing", async () => {
  const world = setUp([reached(RULE, 4), listing(FOREIGN, ...ruleSpecs(OTHER, 4))]);
  expect(await remove(world)).toBe(1);
  expect(world.exec.calls).toEqual([RESTORE4, SAVE4]);
  expect(world.exec.inputs).toEqual([removal(RULE, 4)]);
});

test("the line at the end is no part of the transaction", () => {
  const { input, reached: pattern } = withEndMark(restoreInput(["one", "two"], []));
  expect(input.split("\n").slice(0, 4)).toEqual(["*mangle", "-D one", "-D two", "COMMIT"]);
  expect(pattern.test("iptables-nft-restore v1.8.7 (nf_tables): line 5 failed")).toBe(true);
  for (const other of ["line 4 failed", "line 50 failed", "line 3 failed: Bad rule"])
    expect(pattern.test(other)).toBe(false);
});

test("a program that says nothing about that line has succeeded too", async () => {
  const world = setUp(["", EMPTY]);
  expect(await remove(world)).toBe(1);
});

test("legacy has no such wait, so no such line", async () => {
  const world = setUp(["", EMPTY], { host: fakeHost({ legacy4: ["mangle"] }) });
  expect(await remove(world, RULE, "legacy")).toBe(1);
  expect(world.exec.inputs).toEqual([restoreInput(ruleSpecs(RULE, 4), [])]);
});

test("both families: out of force when both are", async () => {
  const world = setUp([reached(DUAL, 4), reached(DUAL, 6), EMPTY, EMPTY]);
  expect(await remove(world, DUAL)).toBe(2);
  expect(world.exec.calls).toEqual([RESTORE4, RESTORE6, SAVE4, SAVE6]);
});

test("doubled rules, and what was made of them by hand, are found by the listing", async () => {
  const [mark = ""] = ruleSpecs(RULE, 4);
  const byHand = mark.replace("0x10/0xff", "0x11/0xff");
  const world = setUp([reached(RULE, 4), listing(mark, byHand), ""]);
  expect(await remove(world)).toBe(1);
  expect(world.exec.inputs[1]).toBe(restoreInput([mark, byHand], []));
});

test("a rule that is gone, or another one than the record says: listed and removed, not out of force before", async () => {
  const [mark = ""] = ruleSpecs(RULE, 4);
  const world = setUp([FAILED, listing(mark), ""]);
  expect(await remove(world)).toBeUndefined();
  expect(world.exec.calls).toEqual([RESTORE4, SAVE4, RESTORE4]);
  expect(world.exec.inputs[1]).toBe(restoreInput([mark], []));
});

test("one family of two that fails: not out of force, and the listing does the rest", async () => {
  const world = setUp([FAILED, reached(DUAL, 6), listing(...ruleSpecs(DUAL, 4)), EMPTY, ""]);
  expect(await remove(world, DUAL)).toBeUndefined();
  expect(world.exec.inputs.at(-1)).toBe(restoreInput(ruleSpecs(DUAL, 4), []));
});

test("a lock that stays busy is waited for once, and not taken for success", async () => {
  const busy = { exitCode: 4, stderr: "Another app is currently holding the xtables lock." };
  const world = setUp([busy, EMPTY]);
  await expect(remove(world)).rejects.toMatchObject({ code: 11 });
});

test.each([
  ["no address", ["x\nCOMMIT\n*mangle\n-F PREROUTING"]],
  ["a network", ["10.0.0.0/8"]],
  ["an address in another spelling", ["010.0.0.5"]],
  ["nothing", []],
])("a record with %s for an address names no rule", async (_name, addresses) => {
  const world = setUp([listing(...ruleSpecs(RULE, 4)), EMPTY, "", ""]);
  await world.rules.remove(TAGS, {
    backend: "nft",
    addresses: ["10.0.0.5"],
    order: { ...RULE, addresses },
  });
  expect(world.exec.calls).toEqual([SAVE4, RESTORE4]);
});

test("a legacy table that is not there is not made, nor one of a program that is missing", async () => {
  const absent = setUp([]);
  expect(await remove(absent, RULE, "legacy")).toBeUndefined();
  expect(absent.exec.calls).toEqual([]);
  // Asked for the record's rules, and for the listing.
  const missing = setUp(["table ip mangle\n", "table ip mangle\n"], {
    host: fakeHost({ programs: ["nft"] }),
  });
  await expect(remove(missing)).rejects.toMatchObject({ code: 110 });
});
