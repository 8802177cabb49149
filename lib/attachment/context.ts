import type { PluginConf } from "../../conf/types";
import type { DelegateContext } from "../../delegates/run";
import type { CniError } from "../cni/error";
import type { Request } from "../cni/request";
import type { Journal } from "./journal";
import type { PodSourceFactory } from "./choose-mark";
import type { AttachmentKey, Locks, MarkBackend, Marks, Orphans } from "../ports";
import type { ProcessId } from "../node/processes";

/** What the verbs share: the parsed request, the configuration, and the ports. */
export interface Context {
  readonly request: Request;
  readonly conf: PluginConf;
  readonly key: AttachmentKey;
  /** Hash of the key: names the journal record and tags the rules. */
  readonly tag: string;
  readonly journal: Journal;
  readonly locks: Locks;
  readonly backend: MarkBackend;
  /** The backend, opened for this operation. */
  readonly marks: Marks;
  readonly pods: PodSourceFactory;
  readonly delegate: DelegateContext;
  readonly orphans: Orphans;
  /** Throws CniError when an ADD could not use the configured kubeconfig; undefined means none is configured. */
  readonly checkKubeconfig: (path: string | undefined) => Promise<void>;
  readonly self: ProcessId;
  /** True when the process that started this one has ended. */
  readonly parentIsGone: () => boolean;
  /** What became of a sandbox, by its netns path; `unknown` where that cannot be told from here. */
  readonly sandboxState: (
    netns: string,
    seenFrom: string | undefined,
  ) => "there" | "gone" | "unknown";
  /** From where this process sees that netns path, for `sandboxState` later on; undefined: from nowhere. */
  readonly viewpoint: (netns: string) => string | undefined;
  /** True once a minute on this node, for one of all processes: time to look for what nobody will delete. */
  readonly isCollectionDue: () => boolean;
  readonly isAlive: (process: ProcessId) => boolean;
  readonly tagOf: (key: AttachmentKey) => string;
  /** Common beginning of the tags of this network. */
  readonly networkPrefix: string;
  /** Collects facts for the one log line of this operation. */
  readonly facts: Record<string, unknown>;
  /** Something an operator should know although the operation goes on. */
  readonly warn: (warning: CniError) => void;
}

/** Runs a verb; returns what goes to stdout. */
export type RunVerb = (context: Context) => Promise<string>;
