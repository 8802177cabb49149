/** The command line without a process: what a call prints, and which commands there are. */
import { runCli } from "../../cmd/cli";
import { createProgram, treeOf } from "../../cmd/program";

export const PROGRAM = treeOf(createProgram({ stdout: () => {} }, async () => {}));

export async function runCommandLine(
  ...args: readonly string[]
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const said = { out: "", err: "" };
  const status = await runCli({
    args,
    env: {},
    readStdin: () => new Uint8Array(),
    stdinFile: () => undefined,
    stdout: (text) => void (said.out += text),
    coloured: (text) => void (said.out += text),
    stderr: (text) => void (said.err += text),
  });
  return { status, ...said };
}
