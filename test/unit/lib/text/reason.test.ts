import { readFileSync } from "node:fs";
import { reasonOf } from "../../../../lib/text/reason";

test.each<[unknown, string]>([
  [Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" }), "EROFS"],
  [
    Object.assign(new Error(", Unknown error: Read-only file system '/x'"), { code: "" }),
    "Unknown error: Read-only file system '/x'",
  ],
  [new Error("odd"), "odd"],
  [Object.assign(new Error("odd"), { code: 7 }), "odd"],
  ["text", "text"],
  [undefined, "undefined"],
  [null, "null"],
])("%p: %s", (error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});

test("an error of node:fs", () => {
  let reason = "";
  try {
    readFileSync("/nonexistent");
  } catch (error) {
    reason = reasonOf(error);
  }
  expect(reason).toBe("ENOENT");
});
