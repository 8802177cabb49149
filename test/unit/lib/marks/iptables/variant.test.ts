import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chooseVariant,
  factsFrom,
  recallVariant,
  rememberVariant,
} from "../../../../../lib/marks/iptables/variant";

import { fakeHost } from "../../../../helpers/fakes";
import { EMPTY, RULE, useRules } from "./set-up";

const facts = (part = {}) => ({ installed: true, kubeletHint: false, rules: 0, ...part });

test.each([
  [
    "the kubelet's hint decides",
    facts({ rules: 9 }),
    facts({ kubeletHint: true }),
    "nft",
    "legacy",
  ],
  ["else where rules are", facts({ rules: 1 }), facts({ rules: 2 }), "nft", "legacy"],
  ["else what plain iptables is", facts(), facts(), "legacy", "legacy"],
  ["else nft", facts(), facts(), undefined, "nft"],
  [
    "only what is installed counts",
    facts({ installed: false, kubeletHint: true }),
    facts(),
    "nft",
    "legacy",
  ],
  ["only nft", facts(), facts({ installed: false }), "legacy", "nft"],
  [
    "two hints: where rules are",
    facts({ kubeletHint: true, rules: 3 }),
    facts({ kubeletHint: true }),
    undefined,
    "nft",
  ],
] as const)("%s", (...[, nft, legacy, plain, expected]) => {
  expect(chooseVariant(nft, legacy, plain)).toBe(expected);
});

test("nothing installed: code 110 with the remedy", () => {
  const none = facts({ installed: false });
  expect(() => chooseVariant(none, none, undefined)).toThrow(
    expect.objectContaining({
      code: 110,
      message: expect.stringContaining("install the package iptables"),
    }),
  );
});

test("facts come from a listing", () => {
  expect(factsFrom(undefined)).toEqual(facts({ installed: false }));
  expect(
    factsFrom(
      "*mangle\n:PREROUTING ACCEPT [0:0]\n:KUBE-IPTABLES-HINT - [0:0]\n-A PREROUTING -j ACCEPT\n",
    ),
  ).toEqual(facts({ kubeletHint: true, rules: 1 }));
  expect(factsFrom(":KUBE-KUBELET-CANARY - [0:0]\n").kubeletHint).toBe(true);
});

describe("remembering", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "detect-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const file = () => join(dir, "iptables-backend");

  test("for this boot, in a file that only root reads", () => {
    expect(recallVariant(dir)).toBeUndefined();
    expect(rememberVariant(dir, "legacy")).toBeUndefined();
    expect(recallVariant(dir)).toBe("legacy");
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(["iptables-backend"]);
  });
  test.each(["", "another-boot nft\n", "x".repeat(1000)])("%j is not believed", (text) => {
    writeFileSync(file(), text);
    expect(recallVariant(dir)).toBeUndefined();
  });
  test("a link is not followed", () => {
    rememberVariant(dir, "nft");
    symlinkSync(file(), join(dir, "x"));
    rmSync(dir, { recursive: true });
    expect(existsSync(dir)).toBe(false);
    expect(rememberVariant(dir, "nft")).toMatch(/ENOENT/);
  });
});

const setUp = useRules();

describe("of the node", () => {
  const HINT = "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n";

  test("is the configured one without a look", async () => {
    const { exec, variant } = setUp([], { configured: "legacy" });
    expect([await variant(), exec.calls]).toEqual(["legacy", []]);
  });

  test("auto: decided once in an operation", async () => {
    const host = fakeHost({ legacy4: ["mangle"] });
    const { exec, rules } = setUp([EMPTY, EMPTY, HINT, ...Array<string>(6).fill(EMPTY)], {
      configured: "auto",
      host,
    });
    await rules.probe();
    const looked = exec.calls.length;
    await rules.probe();
    expect(exec.calls.slice(looked)).toEqual(["/usr/sbin/iptables-legacy-save -t mangle"]);
  });

  test("auto: remembered by the first install, recalled by the next process", async () => {
    const host = fakeHost({ legacy4: ["mangle"] });
    const first = setUp([EMPTY, EMPTY, HINT], { configured: "auto", host });
    expect(await first.variant()).toBe("legacy");
    expect(first.exec.calls).toEqual([
      "/usr/sbin/iptables-nft-save",
      "/usr/sbin/ip6tables-nft-save",
      "/usr/sbin/iptables-legacy-save",
    ]);
    expect(recallVariant(setUp.dataDir)).toBeUndefined();
    const second = setUp([EMPTY, EMPTY, HINT, EMPTY, EMPTY, ""], { configured: "auto", host });
    await second.rules.install(RULE);
    expect(recallVariant(setUp.dataDir)).toBe("legacy");
    expect(await setUp([], { configured: "auto" }).variant()).toBe("legacy");
  });

  test("auto: rules of any table and family count", async () => {
    const nat = "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n";
    const { variant } = setUp([EMPTY, EMPTY, EMPTY, nat], {
      configured: "auto",
      host: fakeHost({ legacy4: ["nat"], legacy6: ["nat"] }),
    });
    expect(await variant()).toBe("legacy");
  });

  test("auto: a remembered variant that was uninstalled is decided anew", async () => {
    await setUp([EMPTY, EMPTY, EMPTY, ""], { configured: "auto" }).rules.install(RULE);
    expect(recallVariant(setUp.dataDir)).toBe("nft");
    const host = fakeHost({ programs: ["iptables-legacy-save", "iptables-legacy-restore"] });
    expect(await setUp([], { configured: "auto", host }).variant()).toBe("legacy");
  });

  test("what cannot be remembered is a line in the log", async () => {
    mkdirSync(join(setUp.dataDir, "iptables-backend"));
    const { rules, logged } = setUp([EMPTY, EMPTY, EMPTY, ""], { configured: "auto" });
    await rules.install(RULE);
    expect(logged).toEqual([
      expect.stringMatching(/^debug cannot remember the iptables variant in .*EISDIR/),
    ]);
  });
});
