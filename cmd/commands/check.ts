import { CniError } from "../../lib/cni/error";
import { isNamed } from "../../lib/attachment/journal-record";
import { lookTwice } from "../../lib/checks/pods/confirm";
import { delegateChecker } from "../check/delegate";
import { readEntries, type Entries } from "../../lib/checks/pods/look";
import { findingsOf, isGood, toJson, toText } from "../check/report";
import { EXIT_WRONG, outputFormat, type Values } from "../command";
import { findConf } from "../conflist";
import { openNode } from "../deps";
import type { Io } from "../io";
import { withSignOfLife } from "../screen/waiting";

/**
 * `wrapper check [NAMESPACE/POD | CONTAINER-ID]`: one line per attachment and what is wrong with
 * it. Returns 0 when all is good, 1 when something is wrong; throws when it could not look.
 */
export async function checkCommand(
  io: Io,
  positionals: readonly string[],
  values: Values,
): Promise<number> {
  const format = outputFormat(values);
  const { conf, path, warnings } = findConf(values.conf);
  for (const warning of warnings) io.stderr(`${path}: ${warning}\n`);
  const log = { write: (_level: string, message: string) => io.stderr(`${message}\n`) };
  const node = openNode(conf, log);
  const checkDelegate = values.delegate === false ? undefined : delegateChecker(conf, io, values);
  const [wanted] = positionals;
  const entries = select(readEntries(node.journal), wanted);
  const look = await withSignOfLife("looking at the attachments", () =>
    lookTwice({ ...node, marks: node.backend.open({}), checkDelegate }, entries),
  );
  const findings = findingsOf(look, wanted === undefined);
  io.stdout(format === "json" ? toJson(path, findings) : toText(path, findings));
  return isGood(findings) ? 0 : EXIT_WRONG;
}

function select(entries: Entries, wanted: string | undefined): Entries {
  if (wanted === undefined) return entries;
  const chosen = [...entries].filter(
    ([, entry]) => typeof entry !== "string" && isNamed(entry, wanted),
  );
  if (chosen.length === 0) {
    throw new CniError(
      "attachmentUnknown",
      `no attachment of ${wanted} in the journal: is it on this node, is it a hostNetwork pod, or was it started before this plugin?`,
    );
  }
  return new Map(chosen);
}
