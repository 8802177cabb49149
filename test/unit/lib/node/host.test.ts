import { existsSync } from "node:fs";
import { variantOf, localHost } from "../../../../lib/node/host";

test.each([
  ["xtables-nft-multi", "nft"],
  ["xtables-legacy-multi", "legacy"],
  ["xtables-multi", "legacy"],
  ["xtables-compat-multi", "nft"],
  ["iptables", undefined],
])("%s is %s", (file, variant) => {
  expect(variantOf(file)).toBe(variant);
});

test("programs are looked for in fixed directories, whatever PATH says", () => {
  const path = process.env["PATH"];
  process.env["PATH"] = "/nonexistent";
  try {
    expect(localHost.find("sh")).toMatch(/^\/(usr\/)?bin\/sh$/);
  } finally {
    process.env["PATH"] = path;
  }
  expect(localHost.find("no-such-program-here")).toBeUndefined();
});

test("an iptables program's variant is that of the file behind its links", () => {
  const plain = localHost.find("iptables-save");
  if (plain !== undefined) expect(["nft", "legacy"]).toContain(localHost.iptablesVariant(plain));
  expect(localHost.iptablesVariant("/bin/sh")).toBeUndefined();
});

test("families and legacy tables come from /proc", () => {
  expect(localHost.hasFamily(4)).toBe(true);
  expect(localHost.hasFamily(6)).toBe(existsSync("/proc/net/if_inet6"));
  for (const name of [...localHost.legacyTables(4), ...localHost.legacyTables(6)])
    expect(name).toMatch(/^[a-z]+$/);
});
