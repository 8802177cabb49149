import {
  attachmentTag,
  formatComment,
  networkPrefix,
  parseComment,
} from "../../../../lib/marks/tag";

const key = (containerId: string, network = "net", ifname = "eth0") => ({
  network,
  containerId,
  ifname,
});

test("distinct keys have distinct tags, also 300-character IDs that share a prefix", () => {
  const long = "x".repeat(300);
  const tags = [
    key("a"),
    key("b"),
    key("a", "net2"),
    key("a", "net", "eth1"),
    key(`${long}1`),
    key(`${long}2`),
  ].map(attachmentTag);
  expect(new Set(tags).size).toBe(tags.length);
});

test("all tags of a network begin alike", () => {
  expect(attachmentTag(key("a")).startsWith(networkPrefix("net"))).toBe(true);
  expect(networkPrefix("net")).not.toBe(networkPrefix("net2"));
});

test("a comment is plain, at most 127 bytes, and reads back", () => {
  const tag = attachmentTag(key("a"));
  for (const label of [
    "team-a/web-0",
    "",
    `${"n".repeat(63)}/${"p".repeat(253)}`,
    'a" -j ACCEPT\n',
    "é",
  ]) {
    const comment = formatComment(label, tag);
    expect(comment).toMatch(/^tenant-routing [A-Za-z0-9./_-]+ [0-9a-f]{8}-[0-9a-f]{24}$/);
    expect(comment.length).toBeLessThanOrEqual(127);
    expect(parseComment(comment)?.tag).toBe(tag);
  }
  expect(parseComment(formatComment("team-a/web-0", tag))?.label).toBe("team-a/web-0");
});

test.each([
  "",
  "tenant-routing",
  "tenant-routing x y",
  "cali:abc",
  "tenant-routing a/b 00000000-000000000000000000000000 x",
])("%j is nobody's of ours", (comment) => {
  expect(parseComment(comment)).toBeUndefined();
});
