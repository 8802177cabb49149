import { createStory } from "../../../../../lib/lab/kit/story";
import { printableIo } from "../../../../../cmd/io";

/** What a story prints on a terminal or elsewhere, through the command line's own escaping. */
function tell(colour: boolean): string {
  let text = "";
  const print = (part: string): void => void (text += part);
  const io = printableIo({
    env: {},
    args: [],
    readStdin: () => new Uint8Array(),
    stdout: print,
    coloured: print,
    stderr: print,
  });
  const story = createStory(io, { verify: true, colour });
  story.heading("one \u009b2J");
  story.command("node", "cni \u001b[2J", "said \u001b]0;x\u0007");
  story.claim("holds \u202e", true);
  story.claim("not", false);
  return text;
}

test("colours are the story's own; what it tells is escaped", () => {
  const plain =
    "\n1. one \\u009b2J\n   node$ cni \\u001b[2J\n     said \\u001b]0;x\\u0007\n   ok   holds \\u202e\n   FAILED not\n";
  expect(tell(false)).toBe(plain);
  const painted = tell(true);
  expect(painted.match(/\u001b\[\d*m/g)).toEqual(
    ["1", "0", "2", "0", "32", "0", "31", "0"].map((code) => `\u001b[${code}m`),
  );
  expect(painted.replace(/\u001b\[\d*m/g, "")).toBe(plain);
});
