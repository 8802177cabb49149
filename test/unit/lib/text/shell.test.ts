import { execFileSync } from "node:child_process";
import { shellWord } from "../../../../lib/text/shell";

test.each(["a", "/etc/x.conf", "0x20/0xff", "it is", "", "don't", "$(rm)", "a;b", "\\", "*", '"'])(
  "%j is one word of the same text for the shell",
  (word) => {
    const printed = execFileSync("/bin/sh", ["-c", `printf '[%s]' ${shellWord(word)}`]).toString();
    expect(printed).toBe(`[${word}]`);
  },
);

test("what needs no quotes has none", () => {
  expect(["/etc/a-b_c.d", "x=1", "10.0.0.1/32"].map(shellWord)).toEqual([
    "/etc/a-b_c.d",
    "x=1",
    "10.0.0.1/32",
  ]);
});
