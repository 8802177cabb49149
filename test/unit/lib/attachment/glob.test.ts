import { matchesAnyGlob, matchesGlob } from "../../../../lib/attachment/tenant";

test.each([
  ["team-a", "team-a", true],
  ["team-a", "team-ab", false],
  ["team-*", "team-", true],
  ["team-*", "xteam-a", false],
  ["*", "", true],
  ["*-prod", "a-prod", true],
  ["*-prod", "prod", false],
  ["a*b*c", "a-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["a*a", "a", false],
  ["a**", "a", true],
  ["a.c", "abc", false],
  ["[a]", "a", false],
])("%s against %j: %s", (pattern, name, expected) => {
  expect(matchesGlob(pattern, name)).toBe(expected);
});

test("any of several patterns is enough", () => {
  expect(matchesAnyGlob(["x", "team-*"], "team-a")).toBe(true);
  expect(matchesAnyGlob([], "team-a")).toBe(false);
});

test("hostile patterns take no time", () => {
  expect(matchesGlob("*a".repeat(200), "a".repeat(10_000) + "b")).toBe(false);
});
