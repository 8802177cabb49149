/** Runs in the network namespace under test: the real backend, and all calls of one batch at once. */
import { mkdirSync } from "node:fs";
import { createExec } from "../../../lib/node/exec";
import { startTalk } from "../../../lib/node/stream";
import { createLocks } from "../../../lib/node/lock";
import type { AttachmentKey } from "../../../lib/cni/request";
import type { MarkBackend, MarkOrder, Marks, MarkPlace } from "../../../lib/ports";
import { type Host, localHost } from "../../../lib/node/host";
import { createIptablesBackend } from "../../../lib/marks/iptables/backend";
import { withGuard } from "../../../lib/marks/with-guard";
import { createNftablesBackend } from "../../../lib/marks/nftables/backend";
import { createGuard, type Guard } from "../../../lib/marks/nftables/guard";
import { createNftRunner, type NftRunner } from "../../../lib/marks/nftables/runner";

export type Call =
  | readonly ["install", MarkOrder]
  | readonly ["evict", AttachmentKey, readonly string[]]
  | readonly ["remove", readonly string[], MarkPlace?]
  | readonly ["list" | "probe"]
  | readonly ["guard"];

export interface Batch {
  readonly dataDir: string;
  /** A variant of iptables, or the nftables backend; `spawned`: with a process for each transaction. */
  readonly configured: "auto" | "nft" | "legacy" | "nftables" | "spawned";
  /** With the guard. */
  readonly guard?: boolean;
  readonly calls: readonly Call[];
}

/** What a call gave: its value, or the error's code and message. */
export interface Reply {
  readonly value?: unknown;
  readonly code?: number;
  readonly message?: string;
}

async function main(): Promise<void> {
  const batch = JSON.parse(process.argv[2] ?? "") as Batch;
  mkdirSync(batch.dataDir, { recursive: true, mode: 0o700 });
  const options = {
    exec: createExec(),
    locks: createLocks(batch.dataDir),
    lockTimeoutMs: 60_000,
    log: { write: () => {} },
  };
  const replies = await Promise.all(batch.calls.map((call) => reply(batch, options, call)));
  process.stdout.write(JSON.stringify(replies));
}

type Options = Omit<Parameters<typeof createIptablesBackend>[0], "configured" | "dataDir">;

async function reply(batch: Batch, options: Options, call: Call): Promise<Reply> {
  const { configured, dataDir } = batch;
  const backend =
    configured === "nftables" || configured === "spawned"
      ? nftables(options, configured === "spawned")
      : createIptablesBackend({ ...options, configured, dataDir });
  const guard = createGuard(nft(options, false));
  const always = { isWanted: () => true, mayExist: () => true };
  const marks = (batch.guard === true ? withGuard(backend, () => guard, always) : backend).open({});
  try {
    return { value: await (call[0] === "guard" ? guard.list() : perform(marks, call)) };
  } catch (error) {
    const { code, message } = error as { code?: number; message: string };
    return { ...(code === undefined ? {} : { code }), message };
  }
}

async function perform(marks: Marks, call: Exclude<Call, readonly ["guard"]>): Promise<unknown> {
  // As ADD does while its delegate runs.
  if (call[0] === "install" || call[0] === "evict") marks.anticipate();
  if (call[0] === "install") return marks.install(call[1]);
  if (call[0] === "evict") return marks.evict(call[1], call[2]);
  if (call[0] === "remove") return marks.remove(call[1], call[2]);
  return marks[call[0]]();
}

function nft({ exec }: Options, spawned: boolean): NftRunner {
  const host: Host = {
    ...localHost,
    find: (name) => (spawned && name === "setpriv" ? undefined : localHost.find(name)),
  };
  return createNftRunner({ exec, host, startTalk, timeoutMs: 60_000 });
}

function nftables(options: Options, spawned: boolean): MarkBackend {
  const runner = nft(options, spawned);
  return createNftablesBackend({ ...options, runner: () => runner, mayHaveUsed: () => false });
}

void main();
