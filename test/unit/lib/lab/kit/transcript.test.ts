import { createTranscript } from "../../../../../lib/lab/kit/transcript";
import { printableIo } from "../../../../../cmd/io";

/** What a transcript prints on a terminal or elsewhere, through the command line's own escaping. */
async function printed(colour: boolean): Promise<string> {
  let text = "";
  const print = (part: string): void => void (text += part);
  const io = printableIo({
    env: {},
    args: [],
    readStdin: () => new Uint8Array(),
    stdinFile: () => undefined,
    stdout: print,
    coloured: print,
    stderr: print,
  });
  const transcript = createTranscript(io, { verify: true, colour });
  await transcript.heading("one \u009b2J");
  transcript.command("node", "cni \u001b[2J", "said \u001b]0;x\u0007");
  transcript.statement("holds \u202e", true);
  transcript.statement("not", false);
  return text;
}

test("colours are the transcript's own; what it prints is escaped", async () => {
  const plain =
    "\n1. one \\u009b2J\n   node$ cni \\u001b[2J\n     said \\u001b]0;x\\u0007\n   ok   holds \\u202e\n   FAILED not\n";
  expect(await printed(false)).toBe(plain);
  const painted = await printed(true);
  expect(painted.match(/\u001b\[\d*m/g)).toEqual(
    ["1", "22", "2", "22", "32", "39", "31", "39"].map((code) => `\u001b[${code}m`),
  );
  expect(painted.replace(/\u001b\[\d*m/g, "")).toBe(plain);
});

test("with a pause it waits before each step but the first", async () => {
  const seen: string[] = [];
  const print = (part: string): void => void seen.push(part.trim());
  const pause = (): Promise<void> => Promise.resolve(print("(pause)"));
  const printer = { stdout: print, coloured: print };
  const transcript = createTranscript(printer, { verify: false, colour: false, pause });
  for (const text of ["one", "two", "three"]) await transcript.heading(text);
  expect(seen).toEqual(["1. one", "(pause)", "2. two", "(pause)", "3. three"]);
});
