import {
  canonicalAddress,
  contains,
  formatCidr,
  formatPrefix,
  parsePrefix,
  type Prefix,
} from "../../../../lib/net/address";

function parsed(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`${text} is no network`);
  return prefix;
}

test.each([
  ["10.1.2.3", 4, 32, 0x0a010203n],
  ["10.1.2.3/8", 4, 8, 0x0a000000n],
  ["255.255.255.255/31", 4, 31, 0xfffffffen],
  ["0.0.0.0/0", 4, 0, 0n],
  ["192.0.2.1/0", 4, 0, 0n],
  ["::", 6, 128, 0n],
  ["::/0", 6, 0, 0n],
  ["2001:db8::1", 6, 128, 0x20010db8_00000000_00000000_00000001n],
  ["2001:DB8:FFFF::/33", 6, 33, 0x20010db8_80000000_00000000_00000000n],
  ["1:2:3:4:5:6:7::", 6, 128, 0x00010002_00030004_00050006_00070000n],
  ["::ffff:192.0.2.1", 6, 128, 0xffff_c0000201n],
  ["64:ff9b::192.0.2.1/96", 6, 96, 0x0064ff9b_00000000_00000000_00000000n],
])("%s is a network of IPv%i with length %i", (text, family, length, bits) => {
  expect(parsePrefix(text)).toEqual({ family, length, bits });
});

test.each([
  "",
  "/",
  "/8",
  "10",
  "10.1.2",
  "10.1.2.3.4",
  "10.1.2.",
  ".1.2.3",
  "256.1.2.3",
  "10.1.2.03",
  "0x10.1.2.3",
  "10.1.2.3/",
  "10.1.2.3/33",
  "10.1.2.3/08",
  "10.1.2.3/-1",
  "10.1.2.3/8/8",
  "10.1.2.3/24 ",
  " 10.1.2.3",
  "10.1.2.3\n",
  "10.1.2.3/255.255.255.0",
  "default",
  "all",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "12345::",
  "g::",
  "::/129",
  "::1/",
  "fe80::1%eth0",
  "[::1]",
  "::1.2.3",
  "::01.2.3.4",
  "::ffff:256.0.0.1",
  "2001:db8::1/1000",
])("%j is none", (text) => {
  expect(parsePrefix(text)).toBeUndefined();
});

test.each([
  ["10.1.2.3/32", "10.1.2.3", "10.1.2.3/32"],
  ["10.1.2.3/24", "10.1.2.0/24", "10.1.2.0/24"],
  ["10.1.2.3/0", "default", "0.0.0.0/0"],
  ["::1/0", "default", "::/0"],
  ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1", "2001:db8::1/128"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1/128"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "2001:db8::1:0:0:1/128"],
  ["fd66::ffff/64", "fd66::/64", "fd66::/64"],
  ["::/128", "::", "::/128"],
  ["::3/127", "::2/127", "::2/127"],
  ["::ffff:102:304", "::ffff:1.2.3.4", "::ffff:1.2.3.4/128"],
  ["::ffff:1.2.3.4/96", "::ffff:0.0.0.0/96", "::ffff:0.0.0.0/96"],
  ["::102:304", "::1.2.3.4", "::1.2.3.4/128"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304", "64:ff9b::102:304/128"],
])("%s is printed as ip prints it: %s", (text, short, cidr) => {
  const prefix = parsed(text);
  expect(formatPrefix(prefix)).toBe(short);
  expect(formatCidr(prefix)).toBe(cidr);
  expect(parsePrefix(cidr)).toEqual(prefix);
});

test.each([
  ["10.0.0.0/8", "10.255.0.0/16", true],
  ["10.0.0.0/8", "10.0.0.0/8", true],
  ["10.0.0.0/8", "10.1.2.3", true],
  ["10.1.0.0/16", "10.0.0.0/8", false],
  ["10.0.0.0/9", "10.128.0.0/9", false],
  ["0.0.0.0/0", "192.0.2.1", true],
  ["0.0.0.0/0", "::/0", false],
  ["::/0", "192.0.2.1", false],
  ["::/0", "fd00::1", true],
  ["fd00::/8", "fdff:ffff::/32", true],
  ["fd00::/64", "fd00:0:0:1::/64", false],
  ["::ffff:0:0/96", "192.0.2.1", false],
])("%s contains %s: %s", (outer, inner, answer) => {
  expect(contains(parsed(outer), parsed(inner))).toBe(answer);
});

test.each([
  ["2001:DB8::0001", "2001:db8::1"],
  ["::ffff:c000:201", "::ffff:192.0.2.1"],
  ["192.0.2.1", "192.0.2.1"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["192.0.2.1/24", "192.0.2.1/24"],
  ["eth0", "eth0"],
  ["", ""],
])("the canonical text of %j is %j", (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical);
});
