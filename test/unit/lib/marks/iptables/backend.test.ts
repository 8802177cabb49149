import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../../../../lib/cni/error";
import { recallBackend, rememberBackend } from "../../../../../lib/marks/detect";
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

describe("install", () => {
  test("one listing and one transaction, under the lock of the address, with nothing of our environment", async () => {
    const { exec, locks, rules } = setUp([EMPTY, ""]);
    expect(await rules.install(RULE)).toEqual([]);
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
    expect(await rules.install(RULE)).toEqual([]);
    expect(exec.inputs).toEqual([restoreInput(specs, ruleSpecs(RULE, 4))]);
  });

  test("rules of another attachment on the address go in the same transaction; foreign rules stay", async () => {
    const elsewhere = ruleSpecs({ ...OTHER, addresses: ["10.0.0.9"] }, 4);
    const { exec, rules } = setUp([listing(FOREIGN, ...ruleSpecs(OTHER, 4), ...elsewhere), ""]);
    expect(await rules.install(RULE)).toEqual([OTHER_TAG]);
    expect(exec.inputs).toEqual([restoreInput(ruleSpecs(OTHER, 4), ruleSpecs(RULE, 4))]);
  });

  test("what is left in the other flavour goes too", async () => {
    const { exec, rules } = setUp(
      [EMPTY, listing(...ruleSpecs(RULE, 4), ...ruleSpecs(OTHER, 4)), "", ""],
      { host: fakeHost({ legacy4: ["mangle"] }) },
    );
    expect(await rules.install(RULE)).toEqual([OTHER_TAG]);
    expect(exec.calls).toEqual([
      SAVE4,
      "/usr/sbin/iptables-legacy-save -t mangle",
      RESTORE4,
      "/usr/sbin/iptables-legacy-restore --noflush -w 3",
    ]);
    expect(exec.inputs[1]).toBe(restoreInput([...ruleSpecs(RULE, 4), ...ruleSpecs(OTHER, 4)], []));
  });
});

describe("remove and evict", () => {
  const BOTH = fakeHost({ legacy4: ["filter", "mangle"], legacy6: ["filter"] });

  test("remove looks into every flavour and family that is there, and no legacy table that is not", async () => {
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

test("list reads every flavour and family, without the lock", async () => {
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
    .filter((rule) => rule.kind === "mark")
    .map((rule) => `${rule.backend} ${rule.family} ${rule.address}`);
  expect(marks).toEqual(["nft 4 10.0.0.5", "nft 6 fd00::5", "legacy 4 10.0.0.5"]);
  expect(locks.waits).toEqual([]);
});

describe("where rules may be and the programs to list them are missing", () => {
  const LEGACY_ONLY = [
    "iptables-legacy-save",
    "iptables-legacy-restore",
    "ip6tables-legacy-save",
    "ip6tables-legacy-restore",
  ];
  const NFT_ONLY = LEGACY_ONLY.map((name) => name.replace("legacy", "nft"));
  const refused = (program: string): object => ({
    code: 110,
    message: expect.stringMatching(
      new RegExp(
        `^${program} is not installed in .*: rules of ours may be there and cannot be seen: install the package iptables`,
      ),
    ),
  });

  test("a legacy table that the kernel lists", async () => {
    const { rules } = setUp([EMPTY], {
      host: fakeHost({ programs: NFT_ONLY, legacy4: ["mangle"] }),
    });
    await expect(rules.install(RULE)).rejects.toMatchObject(refused("iptables-legacy-save"));
    await expect(rules.evict(KEY, ["10.0.0.5"])).rejects.toMatchObject(
      refused("iptables-legacy-save"),
    );
    await expect(rules.list()).rejects.toMatchObject(refused("iptables-legacy-save"));
    await expect(rules.probe()).rejects.toMatchObject(refused("iptables-legacy-save"));
  });

  test("remove takes away what it can, then says so", async () => {
    const { exec, rules } = setUp([listing(...ruleSpecs(RULE, 4)), EMPTY, ""], {
      host: fakeHost({ programs: NFT_ONLY, legacy4: ["mangle"] }),
    });
    await expect(rules.remove([attachmentTag(KEY)])).rejects.toMatchObject(
      refused("iptables-legacy-save"),
    );
    expect(exec.inputs).toEqual([restoreInput(ruleSpecs(RULE, 4), [])]);
  });

  test("an nft table that nft sees; one that it does not see is no obstacle", async () => {
    const host = fakeHost({ programs: [...LEGACY_ONLY, "nft"] });
    const seen = setUp(["table ip mangle\n"], { configured: "legacy", host });
    await expect(seen.rules.evict(KEY, ["10.0.0.5"])).rejects.toMatchObject(
      refused("iptables-nft-save"),
    );
    expect(seen.exec.calls).toEqual(["/usr/sbin/nft list tables ip"]);
    expect(
      await setUp(["table ip nat\n"], { configured: "legacy", host }).rules.evict(KEY, [
        "10.0.0.5",
      ]),
    ).toEqual([]);
    const without = {
      exitCode: 1,
      stderr: "netlink: Error: cache initialization failed: Operation not supported\n",
    };
    expect(
      await setUp([without], { configured: "legacy", host }).rules.evict(KEY, ["10.0.0.5"]),
    ).toEqual([]);
  });

  test("without nft, what the records say, and what was decided in this boot", async () => {
    const options = { configured: "legacy", host: fakeHost({ programs: LEGACY_ONLY }) } as const;
    expect(await setUp([], options).rules.evict(KEY, ["10.0.0.5"])).toEqual([]);
    const recorded = setUp([], { ...options, recordedBackends: () => ["legacy", "nft"] });
    await expect(recorded.rules.evict(KEY, ["10.0.0.5"])).rejects.toMatchObject(
      refused("iptables-nft-save"),
    );
    rememberBackend(setUp.dataDir, "nft");
    await expect(setUp([], options).rules.evict(KEY, ["10.0.0.5"])).rejects.toMatchObject(
      refused("iptables-nft-save"),
    );
  });
});

describe("the flavour", () => {
  const HINT = "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n";

  test("is the configured one without a look", async () => {
    const { exec, rules } = setUp([], { configured: "legacy" });
    expect([await rules.backend(), exec.calls]).toEqual(["legacy", []]);
  });

  test("auto: decided once, remembered by the first install, recalled by the next process", async () => {
    const host = fakeHost({ legacy4: ["mangle"] });
    const first = setUp([EMPTY, EMPTY, HINT], { configured: "auto", host });
    expect(await first.rules.backend()).toBe("legacy");
    expect(await first.rules.backend()).toBe("legacy");
    expect(first.exec.calls).toEqual([
      "/usr/sbin/iptables-nft-save",
      "/usr/sbin/ip6tables-nft-save",
      "/usr/sbin/iptables-legacy-save",
    ]);
    expect(recallBackend(setUp.dataDir)).toBeUndefined();
    const second = setUp([EMPTY, EMPTY, HINT, EMPTY, EMPTY, ""], { configured: "auto", host });
    await second.rules.install(RULE);
    expect(recallBackend(setUp.dataDir)).toBe("legacy");
    expect(await setUp([], { configured: "auto" }).rules.backend()).toBe("legacy");
  });

  test("auto: rules of any table and family count", async () => {
    const nat = "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n";
    const { rules } = setUp([EMPTY, EMPTY, EMPTY, nat], {
      configured: "auto",
      host: fakeHost({ legacy4: ["nat"], legacy6: ["nat"] }),
    });
    expect(await rules.backend()).toBe("legacy");
  });

  test("auto: a remembered flavour that was uninstalled is decided anew", async () => {
    await setUp([EMPTY, EMPTY, EMPTY, ""], { configured: "auto" }).rules.install(RULE);
    expect(recallBackend(setUp.dataDir)).toBe("nft");
    const host = fakeHost({ programs: ["iptables-legacy-save", "iptables-legacy-restore"] });
    expect(await setUp([], { configured: "auto", host }).rules.backend()).toBe("legacy");
  });

  test("what cannot be remembered is a line in the log", async () => {
    mkdirSync(join(setUp.dataDir, "iptables-backend"));
    const { rules, logged } = setUp([EMPTY, EMPTY, EMPTY, ""], { configured: "auto" });
    await rules.install(RULE);
    expect(logged).toEqual([
      expect.stringMatching(/^debug cannot remember the iptables flavour in .*EISDIR/),
    ]);
  });
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
