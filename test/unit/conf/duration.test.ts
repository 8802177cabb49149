import { DURATION_PATTERN, formatDuration, parseDuration } from "../../../conf/duration";

test.each([
  ["500ms", 500],
  ["5s", 5000],
  ["2m", 120_000],
  ["999999ms", 999_999],
])("%s is %d ms", (text, ms) => {
  expect(text).toMatch(new RegExp(DURATION_PATTERN));
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  [100, "100ms"],
  [1500, "1500ms"],
  [5000, "5s"],
  [90_000, "90s"],
  [600_000, "10m"],
])("%d ms is written %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "5", "0s", "-1s", "1.5s", "5 s", "1h", "1m30s", "1e3ms", "05s", "1000000s", "5s\n"])(
  "%j is no duration",
  (text) => {
    expect(text).not.toMatch(new RegExp(DURATION_PATTERN));
  },
);
