import { CniError } from "../../../../../lib/cni/error";
import { restoreInput, ruleSpecs } from "../../../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { fakeHost } from "../../../../helpers/fakes";
import {
  DUAL,
  EMPTY,
  FAILED,
  FOREIGN,
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

describe("remove and evict", () => {
  const BOTH = fakeHost({ legacy4: ["filter", "mangle"], legacy6: ["filter"] });

  test("remove looks into every variant and family that is there, and no legacy table that is not", async () => {
    const { exec, rules } = setUp(
      [
        listing(FOREIGN, ...ruleSpecs(DUAL, 4)),
        listing(...ruleSpecs(DUAL, 6)),
        listing(...ruleSpecs(OTHER, 4)),
        "",
        "",
      ],
      { host: BOTH },
    );
    await rules.remove([attachmentTag(KEY)]);
    expect(exec.calls).toEqual([
      SAVE4,
      SAVE6,
      "/usr/sbin/iptables-legacy-save -t mangle",
      RESTORE4,
      RESTORE6,
    ]);
    expect(exec.inputs).toEqual([
      restoreInput(ruleSpecs(DUAL, 4), []),
      restoreInput(ruleSpecs(DUAL, 6), []),
    ]);
  });

  test("duplicates go, whatever was made of them by hand", async () => {
    const [mark] = ruleSpecs(RULE, 4) as [string];
    const byHand = mark.replace("-j MARK --set-xmark 0x10/0xff", "-j ACCEPT");
    const { exec, rules } = setUp([listing(mark, byHand, mark), EMPTY, ""]);
    await rules.remove([attachmentTag(KEY)]);
    expect(exec.inputs).toEqual([restoreInput([mark, byHand, mark], [])]);
  });

  test("absent rules are fine, no tags run nothing", async () => {
    const { exec, rules } = setUp([EMPTY, EMPTY]);
    await rules.remove([]);
    expect(exec.calls).toEqual([]);
    await rules.remove(["x"]);
    expect(exec.calls).toEqual([SAVE4, SAVE6]);
  });

  test("removed by somebody else meanwhile: fine", async () => {
    const { exec, rules } = setUp([listing(...ruleSpecs(RULE, 4)), EMPTY, FAILED, EMPTY]);
    await rules.remove([attachmentTag(KEY)]);
    expect(exec.left).toBe(0);
  });

  test("trouble in one family keeps no rule in the other, and nothing is put back", async () => {
    const v4 = listing(...ruleSpecs(DUAL, 4));
    const { exec, rules } = setUp([v4, listing(...ruleSpecs(DUAL, 6)), FAILED, "", v4]);
    await expect(rules.remove([attachmentTag(KEY)])).rejects.toMatchObject({
      code: 110,
      message: expect.stringContaining("/iptables-nft-restore"),
    });
    expect(exec.inputs).toEqual([
      restoreInput(ruleSpecs(DUAL, 4), []),
      restoreInput(ruleSpecs(DUAL, 6), []),
    ]);
    expect(exec.left).toBe(0);
  });

  test("trouble in both: one error with both in it", async () => {
    const { rules } = setUp([
      FAILED,
      { exitCode: 4, stderr: "second" },
      FAILED,
      { exitCode: 4, stderr: "second" },
    ]);
    await expect(rules.remove(["x"])).rejects.toMatchObject({
      message: expect.stringContaining("line 3 failed"),
      details: expect.stringContaining("second"),
    });
  });

  test("remove needs no lock and no data directory", async () => {
    const locks = {
      hold: () => Promise.reject(new CniError("journal", "unusable")),
      sweep: async () => {},
    };
    const { exec, rules } = setUp(
      [listing(...ruleSpecs(DUAL, 4)), listing(...ruleSpecs(DUAL, 6)), "", ""],
      { locks, dataDir: "/nowhere" },
    );
    await rules.remove([attachmentTag(KEY)]);
    expect(exec.inputs).toEqual([
      restoreInput(ruleSpecs(DUAL, 4), []),
      restoreInput(ruleSpecs(DUAL, 6), []),
    ]);
    await expect(rules.evict(KEY, ["10.0.0.5"])).rejects.toMatchObject({ code: 113 });
    await expect(rules.install(RULE)).rejects.toMatchObject({ code: 113 });
    expect(exec.left).toBe(0);
  });

  test("remove lists only where the rules are known to be", async () => {
    const { exec, rules } = setUp([listing(...ruleSpecs(RULE, 4)), ""], {
      host: fakeHost({ legacy4: ["mangle"] }),
    });
    await rules.remove([attachmentTag(KEY)], { backend: "legacy", addresses: ["10.0.0.5"] });
    expect(exec.calls).toEqual([
      "/usr/sbin/iptables-legacy-save -t mangle",
      "/usr/sbin/iptables-legacy-restore --noflush -w 3",
    ]);
  });

  test("remove looks everywhere when the record names a place of another version", async () => {
    const { exec, rules } = setUp([listing(...ruleSpecs(DUAL, 4)), EMPTY, ""]);
    await rules.remove([attachmentTag(KEY)], { backend: "ipvs", addresses: ["10.0.0.5"] });
    expect(exec.calls).toEqual([SAVE4, SAVE6, RESTORE4]);
  });

  test("evict removes what is on the addresses, of their family only, and says whose it was", async () => {
    const { exec, rules } = setUp([
      listing(
        FOREIGN,
        ...ruleSpecs(OTHER, 4),
        ...ruleSpecs({ ...RULE, addresses: ["10.0.0.9"] }, 4),
      ),
      "",
    ]);
    expect(await rules.evict(KEY, ["10.0.0.5"])).toEqual([OTHER_TAG]);
    expect(exec.calls).toEqual([SAVE4, RESTORE4]);
    expect(exec.inputs).toEqual([restoreInput(ruleSpecs(OTHER, 4), [])]);
  });

  test("a node whose kernel has no such table, as far as anybody can say, has no rules", async () => {
    const { exec, locks, rules } = setUp([], { host: fakeHost({ programs: [] }) });
    expect(await rules.evict(KEY, ["10.0.0.5"])).toEqual([]);
    await rules.remove(["x"]);
    expect(await rules.list()).toEqual([]);
    await expect(rules.install(RULE)).rejects.toMatchObject({
      code: 110,
      message: expect.stringContaining("install the package iptables"),
    });
    expect([exec.calls, locks.held]).toEqual([[], false]);
  });
});
