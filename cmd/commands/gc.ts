import { EXIT_WRONG, type Values } from "../command";
import type { Io } from "../io";
import { openMarks } from "../marks/open";
import { findOwed, owedText } from "../marks/owed";

/**
 * `wrapper gc`: takes down the attachments whose sandbox is gone, their delegate's DEL included. Returns 0
 * when there is nothing left of them, 1 when something could not be taken down; throws when it cannot look.
 */
export async function gcCommand(
  io: Io,
  _positionals: readonly string[],
  values: Values,
): Promise<number> {
  const owed = findOwed(openMarks(io, values), io, values);
  if (owed.abandoned.length === 0) io.stdout("no attachment has lost its sandbox\n");
  if (values.dryRun === true) {
    for (const each of owed.abandoned) io.stdout(`would remove ${owedText(each)}\n`);
    return 0;
  }
  return (await owed.carryOut("gc")) === 0 ? 0 : EXIT_WRONG;
}
