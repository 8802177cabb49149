import {
  existsSync,
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
  chooseBackend,
  factsFrom,
  recallBackend,
  rememberBackend,
} from "../../../../lib/marks/detect";

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
  expect(chooseBackend(nft, legacy, plain)).toBe(expected);
});

test("nothing installed: code 110 with the remedy", () => {
  const none = facts({ installed: false });
  expect(() => chooseBackend(none, none, undefined)).toThrow(
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
    expect(recallBackend(dir)).toBeUndefined();
    expect(rememberBackend(dir, "legacy")).toBeUndefined();
    expect(recallBackend(dir)).toBe("legacy");
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(["iptables-backend"]);
  });
  test.each(["", "another-boot nft\n", "x".repeat(1000)])("%j is not believed", (text) => {
    writeFileSync(file(), text);
    expect(recallBackend(dir)).toBeUndefined();
  });
  test("a link is not followed", () => {
    rememberBackend(dir, "nft");
    symlinkSync(file(), join(dir, "x"));
    rmSync(dir, { recursive: true });
    expect(existsSync(dir)).toBe(false);
    expect(rememberBackend(dir, "nft")).toMatch(/ENOENT/);
  });
});
