import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextGeneration, readGeneration } from "../../../../../lib/marks/iptables/transaction";
import { restoreInput, ruleSpecs } from "../../../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { fakeHost } from "../../../../helpers/fakes";
import {
  DUAL,
  EMPTY,
  FAILED,
  KEY,
  listing,
  OTHER,
  OTHER_TAG,
  RESTORE4,
  RESTORE6,
  RULE,
  SAVE4,
  SAVE6,
  useRules,
} from "./set-up";

const setUp = useRules();

test("the second family fails: the first is what it was, the error is the second's", async () => {
  const before = ruleSpecs(OTHER, 4);
  const { exec, rules } = setUp([
    listing(...before),
    EMPTY,
    "",
    FAILED,
    "",
    listing(...before),
    EMPTY,
  ]);
  await expect(rules.install(DUAL)).rejects.toMatchObject({
    code: 110,
    message: expect.stringMatching(
      /ip6tables-nft-restore failed \(exit status 1\): .*line 3 failed/,
    ),
    details: "",
  });
  expect(exec.inputs[0]).toBe(restoreInput(before, ruleSpecs(DUAL, 4)));
  expect(exec.inputs[2]).toBe(restoreInput(ruleSpecs(DUAL, 4), before));
  expect(exec.left).toBe(0);
});

test("taking back fails as well: in the details of the first error", async () => {
  const { rules } = setUp([
    EMPTY,
    EMPTY,
    "",
    FAILED,
    { exitCode: 4, stderr: "out of luck" },
    EMPTY,
    EMPTY,
  ]);
  await expect(rules.install(DUAL)).rejects.toMatchObject({
    message: expect.stringContaining("ip6tables-nft-restore"),
    details: expect.stringContaining("out of luck"),
  });
});

test("a rule that vanishes between listing and change costs one more round", async () => {
  const { exec, rules } = setUp([listing(...ruleSpecs(OTHER, 4)), FAILED, EMPTY, ""]);
  await rules.install(RULE);
  expect(exec.inputs).toEqual([
    restoreInput(ruleSpecs(OTHER, 4), ruleSpecs(RULE, 4)),
    restoreInput([], ruleSpecs(RULE, 4)),
  ]);
});

test("a table that keeps changing under us is given up", async () => {
  const rounds = Array.from({ length: 6 }, (_, n) => [
    listing(
      ...ruleSpecs({ ...OTHER, addresses: ["10.0.0.5"], mark: { value: n + 1, mask: 0xff } }, 4),
    ),
    FAILED,
  ]);
  const { exec, rules } = setUp(rounds.flat());
  await expect(rules.install(RULE)).rejects.toMatchObject({ code: 110 });
  expect(exec.inputs).toHaveLength(5);
});

test("IPv6 is off: said so, and IPv4 is taken back", async () => {
  const { exec, rules } = setUp([EMPTY, "", "", EMPTY], { host: fakeHost({ ipv6: false }) });
  await expect(rules.install(DUAL)).rejects.toMatchObject({
    code: 110,
    message: expect.stringContaining("IPv6 is off"),
  });
  expect(exec.calls).toEqual([SAVE4, RESTORE4, RESTORE4, SAVE4]);
});

describe("a listing taken early", () => {
  const V4 = listing(...ruleSpecs(OTHER, 4));

  test("is the only one of IPv4 while no rule of ours changes", async () => {
    const { exec, locks, rules } = setUp([V4, EMPTY, "", ""]);
    rules.anticipate();
    expect(await rules.install(DUAL)).toEqual({ place: "nft", evicted: [OTHER_TAG] });
    expect(exec.calls).toEqual([SAVE4, SAVE6, RESTORE4, RESTORE6]);
    expect(locks.waits).toEqual([2500]);
  });

  test("is not believed after a change by anybody", async () => {
    const { exec, rules } = setUp([V4, EMPTY, ""]);
    rules.anticipate();
    await new Promise(setImmediate);
    nextGeneration(setUp.dataDir);
    expect((await rules.install(RULE)).evicted).toEqual([]);
    expect(exec.calls).toEqual([SAVE4, SAVE4, RESTORE4]);
  });

  test("serves once, and evict and remove as well", async () => {
    const { exec, rules } = setUp([V4, "", EMPTY, V4, EMPTY, ""]);
    rules.anticipate();
    expect(await rules.evict(KEY, ["10.0.0.5"])).toEqual([OTHER_TAG]);
    expect(await rules.evict(KEY, ["10.0.0.5"])).toEqual([]);
    rules.anticipate();
    await rules.remove([attachmentTag(OTHER.key)]);
    expect(exec.calls).toEqual([SAVE4, RESTORE4, SAVE4, SAVE4, SAVE6, RESTORE4]);
  });

  test("is of the families asked for", async () => {
    const { exec, rules } = setUp([V4, EMPTY, ""]);
    rules.anticipate();
    expect((await rules.install({ ...RULE, addresses: ["fd00::5"] })).evicted).toEqual([]);
    expect(exec.calls).toEqual([SAVE4, SAVE6, RESTORE6]);
  });

  test("that failed is as good as none", async () => {
    const { exec, rules } = setUp([FAILED, EMPTY, ""]);
    rules.anticipate();
    await rules.install(RULE);
    expect(exec.calls).toEqual([SAVE4, SAVE4, RESTORE4]);
  });
});

describe("generations", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "generation-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test("each generation is another one", () => {
    const seen = Array.from({ length: 100 }, () => {
      nextGeneration(dir);
      return readGeneration(dir);
    });
    expect(new Set(["none", ...seen]).size).toBe(101);
  });

  test("reading makes no file, and the file is ours alone", () => {
    expect([readGeneration(dir), existsSync(join(dir, "generation"))]).toEqual(["none", false]);
    nextGeneration(dir);
    expect(statSync(join(dir, "generation")).mode & 0o777).toBe(0o600);
  });

  test("an absent directory has a generation, but not a next one", () => {
    expect(readGeneration(join(dir, "absent"))).toBe("none");
    expect(() => nextGeneration(join(dir, "absent"))).toThrow("ENOENT");
  });
});
