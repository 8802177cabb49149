/** Attachments whose sandbox is gone: `wrapper gc` and `wrapper repair` carry their DELs out. */
import {
  attachmentLabel,
  collectAbandoned,
  findAbandoned,
  type Abandoned,
} from "../../lib/attachment/collect";
import type { Context } from "../../lib/attachment/context";
import { toCniError } from "../../lib/cni/error";
import { type Values } from "../command";
import { cniPath } from "../conflist";
import { forRequest, ownRequest } from "../deps";
import type { Io } from "../io";
import { withSignOfLife } from "../screen/waiting";
import type { Opened } from "./open";

export interface Owed {
  readonly abandoned: readonly Abandoned[];
  /** Takes them down, says so on stdout, and returns how many could not be; stderr has the reason. */
  carryOut(name: string): Promise<number>;
}

/** What is owed now. Throws CniError when the journal cannot be read. */
export function findOwed({ conf, node, log }: Opened, io: Io, values: Values): Owed {
  const cni = ownRequest("DEL", cniPath(values, io.env));
  const context = forRequest(node, { cni, conf, io, log });
  const abandoned = findAbandoned(context);
  return {
    abandoned,
    carryOut: async (name) => {
      await node.locks.sweep();
      let failures = 0;
      for (const each of abandoned) {
        const path = cniPath(values, io.env, each.attachment.cniPath);
        if (!(await takeDown(searching(context, path), each, io, name))) failures++;
      }
      return failures;
    },
  };
}

function searching({ node, request }: Context, path: readonly string[]): Context {
  const env = { ...request.delegate.env, CNI_PATH: path.join(":") };
  return { node, request: { ...request, delegate: { ...request.delegate, path, env } } };
}

async function takeDown(
  context: Context,
  abandoned: Abandoned,
  io: Io,
  name: string,
): Promise<boolean> {
  const label = attachmentLabel(abandoned.attachment);
  try {
    const isDown = await withSignOfLife(`taking down ${label}`, () =>
      collectAbandoned(context, abandoned),
    );
    io.stdout(
      isDown
        ? `removed ${owedText(abandoned)}\n`
        : `${label} left alone: it has changed meanwhile\n`,
    );
    return true;
  } catch (thrown) {
    const { message, details } = toCniError(thrown);
    const more = details === "" ? "" : `; ${details}`;
    io.stderr(`wrapper ${name}: ${owedText(abandoned)} could not be removed: ${message}${more}\n`);
    return false;
  }
}

/** For people. */
export function owedText({ attachment }: Abandoned): string {
  return `${attachmentLabel(attachment)}: its network namespace ${attachment.netns} no longer exists`;
}
