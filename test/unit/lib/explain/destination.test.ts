import { destinationText, outside, parseDestination } from "../../../../lib/explain/destination";

test.each([
  ["203.0.113.9", { family: 4, address: "203.0.113.9", port: undefined }],
  ["203.0.113.9:443", { family: 4, address: "203.0.113.9", port: 443 }],
  ["2001:DB8:0::9", { family: 6, address: "2001:db8::9", port: undefined }],
  ["[2001:db8::9]", { family: 6, address: "2001:db8::9", port: undefined }],
  ["[2001:db8::9]:443", { family: 6, address: "2001:db8::9", port: 443 }],
])("%s is a destination", (text, expected) => {
  expect(parseDestination(text)).toEqual(expected);
});

test.each([
  ["example.org", "use an IP address"],
  ["example.org:443", "use an IP address"],
  ["203.0.113.0/24", "use an IP address"],
  ["203.0.113.9:0", "a port is a number"],
  ["203.0.113.9:65536", "a port is a number"],
  ["203.0.113.9:", "a port is a number"],
  ["[2001:db8::9]:http", "a port is a number"],
  ["fe80::1%eth0", "an address with a zone"],
  ["", "use an IP address"],
])("%s is none: %s", (text, why) => {
  expect(() => parseDestination(text)).toThrow(why);
});

test("the outside has a documentation address in each family", () => {
  expect(outside([4, 6]).map(destinationText)).toEqual(["203.0.113.9", "2001:db8::9"]);
});

test("an IPv6 address with a port is written in brackets", () => {
  expect(destinationText({ family: 6, address: "2001:db8::9", port: 80 })).toBe("[2001:db8::9]:80");
  expect(destinationText({ family: 4, address: "192.0.2.1", port: 80 })).toBe("192.0.2.1:80");
});
