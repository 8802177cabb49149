import type { Io } from "../../io";
import { bashScript } from "./bash";
import { fishScript } from "./fish";
import { SHELLS, type CommandNode, type Shell } from "./tree";
import { zshScript } from "./zsh";
import { CniError } from "../../../lib/cni/error";
import { quote } from "../../../lib/cni/json";

const SCRIPTS: Readonly<Record<Shell, (root: CommandNode) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/**
 * `wrapper completion bash|zsh|fish`: prints a script that completes `root` in that shell, and
 * returns 0. Throws CniError `invalidEnvironment` for another shell.
 */
export function completionCommand(io: Io, shell: string, root: CommandNode): number {
  const known = SHELLS.find((each) => each === shell);
  if (known === undefined)
    throw new CniError(
      "invalidEnvironment",
      `unknown shell ${quote(shell)}: use ${SHELLS.join(", ")}`,
    );
  io.stdout(SCRIPTS[known](root));
  return 0;
}
