import {
  attachmentLabel,
  findAbandoned,
  collectAbandoned,
  type Abandoned,
} from "../../lib/attachment/collect";
import type { Context } from "../../lib/attachment/context";
import { toCniError } from "../../lib/cni/error";
import type { Attachment } from "../../lib/attachment/journal";
import { cniPath, EXIT_WRONG, type Values } from "../command";
import { findConf } from "../conflist";
import { forRequest, openNode, ownRequest } from "../deps";
import type { Io } from "../io";

/**
 * `wrapper gc`: takes down the attachments whose sandbox is gone, their delegate's DEL included. Returns 0
 * when there is nothing left of them, 1 when something could not be taken down; throws when it cannot look.
 */
export async function gcCommand(
  io: Io,
  _positionals: readonly string[],
  values: Values,
): Promise<number> {
  const { conf, path, warnings } = findConf(values.conf);
  for (const warning of warnings) io.stderr(`${path}: ${warning}\n`);
  const log = { write: (_level: string, message: string) => io.stderr(`${message}\n`) };
  const cni = ownRequest("DEL", cniPath(values, io.env));
  const node = openNode(conf, log);
  const context = forRequest(node, { cni, conf, io, log });
  node.journal.inspect();
  const abandoned = findAbandoned(context);
  if (abandoned.length === 0) io.stdout("no attachment has lost its sandbox\n");
  if (values.dryRun === true) {
    for (const each of abandoned) io.stdout(`would remove ${describe(each)}\n`);
    return 0;
  }
  await node.locks.sweep();
  return collectAll(
    (attachment) => searching(context, cniPath(values, io.env, attachment.cniPath)),
    abandoned,
    io,
  );
}

function searching({ node, request }: Context, path: readonly string[]): Context {
  const env = { ...request.delegate.env, CNI_PATH: path.join(":") };
  return { node, request: { ...request, delegate: { ...request.delegate, path, env } } };
}

async function collectAll(
  contextOf: (attachment: Attachment) => Context,
  abandoned: readonly Abandoned[],
  io: Io,
): Promise<number> {
  let failures = 0;
  for (const each of abandoned) {
    try {
      io.stdout(
        (await collectAbandoned(contextOf(each.attachment), each))
          ? `removed ${describe(each)}\n`
          : `${attachmentLabel(each.attachment)} left alone: it has changed meanwhile\n`,
      );
    } catch (thrown) {
      const error = toCniError(thrown);
      failures++;
      io.stderr(
        `wrapper gc: ${describe(each)} could not be removed: ${error.message}${error.details === "" ? "" : `; ${error.details}`}\n`,
      );
    }
  }
  return failures === 0 ? 0 : EXIT_WRONG;
}

function describe({ attachment }: Abandoned): string {
  return `${attachmentLabel(attachment)}: its network namespace ${attachment.netns} no longer exists`;
}
