import { restoreInput, ruleSpecs } from "../../../../../lib/marks/iptables/format";
import { rememberVariant } from "../../../../../lib/marks/iptables/variant";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { fakeHost } from "../../../../helpers/fakes";
import { EMPTY, KEY, listing, RULE, useRules } from "./set-up";

const setUp = useRules();

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
    missingPackage: "iptables",
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
    const recorded = setUp([], { ...options, recordedPlaces: () => ["legacy", "nft"] });
    await expect(recorded.rules.evict(KEY, ["10.0.0.5"])).rejects.toMatchObject(
      refused("iptables-nft-save"),
    );
    rememberVariant(setUp.dataDir, "nft");
    await expect(setUp([], options).rules.evict(KEY, ["10.0.0.5"])).rejects.toMatchObject(
      refused("iptables-nft-save"),
    );
  });
});
