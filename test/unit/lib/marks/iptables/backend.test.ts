import { readdirSync } from "node:fs";
import { restoreInput, ruleSpecs } from "../../../../../lib/marks/iptables/format";
import { fakeHost } from "../../../../helpers/fakes";
import {
  DUAL,
  EMPTY,
  FOREIGN,
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

describe("install", () => {
  test("one listing and one transaction, under the lock of the address, with nothing of our environment", async () => {
    const { exec, locks, rules } = setUp([EMPTY, ""]);
    expect((await rules.install(RULE)).evicted).toEqual([]);
    expect(exec.calls).toEqual([SAVE4, RESTORE4]);
    expect(exec.inputs).toEqual([restoreInput([], ruleSpecs(RULE, 4))]);
    expect([locks.waits, locks.names]).toEqual([[2500], ["10.0.0.5"]]);
    for (const request of exec.requests) {
      expect(request.env).toEqual({
        PATH: "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin",
        LC_ALL: "C",
      });
      expect(request.timeoutMs).toBe(7500);
    }
  });

  test("both families: listed together, one transaction each", async () => {
    const { exec, rules } = setUp([EMPTY, EMPTY, "", ""]);
    await rules.install(DUAL);
    expect(exec.calls).toEqual([SAVE4, SAVE6, RESTORE4, RESTORE6]);
    expect(exec.inputs).toEqual([
      restoreInput([], ruleSpecs(DUAL, 4)),
      restoreInput([], ruleSpecs(DUAL, 6)),
    ]);
  });

  test("nothing is changed when the wanted rules stand already", async () => {
    const { exec, rules } = setUp([listing(FOREIGN, ...ruleSpecs(RULE, 4))]);
    await rules.install(RULE);
    expect(exec.calls).toEqual([SAVE4]);
  });

  test.each([
    ["a duplicate", [...ruleSpecs(RULE, 4), ...ruleSpecs(RULE, 4)]],
    ["another mark", ruleSpecs({ ...RULE, mark: OTHER.mark }, 4)],
    ["another address", ruleSpecs({ ...RULE, addresses: ["10.0.0.6"] }, 4)],
    ["the wrong order", [...ruleSpecs(RULE, 4)].reverse()],
  ])("%s under our tag is replaced in the same transaction", async (_name, specs) => {
    const { exec, rules } = setUp([listing(...specs), ""]);
    expect((await rules.install(RULE)).evicted).toEqual([]);
    expect(exec.inputs).toEqual([restoreInput(specs, ruleSpecs(RULE, 4))]);
  });

  test("rules of another attachment on the address go in the same transaction; foreign rules stay", async () => {
    const elsewhere = ruleSpecs({ ...OTHER, addresses: ["10.0.0.9"] }, 4);
    const { exec, rules } = setUp([listing(FOREIGN, ...ruleSpecs(OTHER, 4), ...elsewhere), ""]);
    expect(await rules.install(RULE)).toEqual({ place: "nft", evicted: [OTHER_TAG] });
    expect(exec.inputs).toEqual([restoreInput(ruleSpecs(OTHER, 4), ruleSpecs(RULE, 4))]);
  });

  test("what is left in the other variant goes too", async () => {
    const { exec, rules } = setUp(
      [EMPTY, listing(...ruleSpecs(RULE, 4), ...ruleSpecs(OTHER, 4)), "", ""],
      { host: fakeHost({ legacy4: ["mangle"] }) },
    );
    expect(await rules.install(RULE)).toEqual({ place: "nft", evicted: [OTHER_TAG] });
    expect(exec.calls).toEqual([
      SAVE4,
      "/usr/sbin/iptables-legacy-save -t mangle",
      RESTORE4,
      "/usr/sbin/iptables-legacy-restore --noflush -w 3",
    ]);
    expect(exec.inputs[1]).toBe(restoreInput([...ruleSpecs(RULE, 4), ...ruleSpecs(OTHER, 4)], []));
  });
});

test("list reads every variant and family, without the lock", async () => {
  const { locks, rules } = setUp(
    [
      listing(...ruleSpecs(RULE, 4)),
      listing(...ruleSpecs(DUAL, 6)),
      listing(...ruleSpecs(OTHER, 4)),
      EMPTY,
    ],
    { host: fakeHost({ legacy4: ["mangle"], legacy6: ["mangle"] }) },
  );
  const marks = (await rules.list())
    .filter((mark) => mark.piece === "mark rule")
    .map((mark) => `${mark.backend} ${mark.address}`);
  expect(marks).toEqual(["nft 10.0.0.5", "nft fd00::5", "legacy 10.0.0.5"]);
  expect(locks.waits).toEqual([]);
});

describe("probe", () => {
  test("lists the table once, and neither locks nor remembers", async () => {
    const { exec, locks, rules } = setUp([EMPTY, EMPTY, EMPTY], { configured: "auto" });
    await rules.probe();
    expect(exec.calls.at(-1)).toBe(SAVE4);
    expect([locks.waits, readdirSync(setUp.dataDir)]).toEqual([[], []]);
  });

  test("does not make the legacy table by looking", async () => {
    const { exec, rules } = setUp([], { configured: "legacy" });
    await rules.probe();
    expect(exec.calls).toEqual([]);
  });

  test.each(["nft", "legacy"] as const)(
    "says that the %s tools are missing",
    async (configured) => {
      const { rules } = setUp([], { configured, host: fakeHost({ programs: [] }) });
      await expect(rules.probe()).rejects.toMatchObject({
        code: 110,
        message: expect.stringContaining(`iptables-${configured}-`),
      });
    },
  );
});
