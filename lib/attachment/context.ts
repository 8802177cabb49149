import type { PluginConf } from "../../conf/types";
import type { DelegateContext } from "../../delegates/run";
import type { Check } from "../checks/run";
import type { CniError } from "../cni/error";
import type { Request, AttachmentKey } from "../cni/request";
import type { ProcessId } from "../node/processes";
import type { Clock, Exec, LeftoverProcesses, Locks, MarkBackend, Marks } from "../ports";
import type { PodSourceFactory } from "./choose-mark";
import type { Journal, Owner } from "./journal";
import type { Progress } from "./facts";

/** What the verbs work with. */
export interface Context {
  readonly node: Node;
  readonly request: RequestScope;
}

/** What lives as long as the process: the ports to this node, whatever is asked of it. */
export interface Node {
  readonly journal: Journal;
  readonly locks: Locks;
  readonly backend: MarkBackend;
  readonly exec: Exec;
  readonly clock: Clock;
  readonly pods: PodSourceFactory;
  readonly leftovers: LeftoverProcesses;
  /** What has to be well on this machine before an ADD can succeed. Loaded late: no other verb needs it. */
  readonly addChecks: (needs: AddNeeds) => Promise<readonly Check[]>;
  readonly process: ProcessId;
  /** Requests that this process works on now, by their IDs. */
  readonly requests: Set<string>;
  /** True while that very process runs; of this one, while it works on that request. */
  readonly isAlive: (owner: Owner) => boolean;
  /** What became of a sandbox, by its netns path; `unknown` where this process cannot see it. */
  readonly sandboxState: (
    netns: string,
    seenFrom: string | undefined,
  ) => "there" | "gone" | "unknown";
  /** From where this process sees that netns path, for `sandboxState` later on; undefined: from nowhere. */
  readonly viewpoint: (netns: string) => string | undefined;
  /** True once a minute on this node, for one of all processes: time to look for what nobody will delete. */
  readonly isCollectionDue: () => boolean;
}

/** What an ADD would work with. `path`: the runtime's plugin directories; undefined: they are not known. */
export interface AddNeeds {
  readonly conf: PluginConf;
  readonly marks: Pick<Marks, "probe">;
  readonly path: readonly string[] | undefined;
}

/** What belongs to one request. */
export interface RequestScope {
  /** As it was parsed. */
  readonly cni: Request;
  readonly conf: PluginConf;
  readonly key: AttachmentKey;
  /** Hash of the key: names the journal record and tags the marks. */
  readonly tag: string;
  /** Who this request is to all others, those of the same process included. */
  readonly owner: Owner;
  /** The node's backend, opened for this request. */
  readonly marks: Marks;
  readonly delegate: DelegateContext;
  readonly progress: Progress;
  /** Something an operator should know although the operation goes on. */
  readonly warn: (warning: CniError) => void;
  /** True when the process that asked has ended, so that nobody will hear the answer. */
  readonly callerIsGone: () => boolean;
  /** PIDs of living processes that work on this very request, such as its launcher. */
  readonly helpers: readonly number[];
  /** An agent's request that this one takes over, because that agent died or stopped answering. */
  readonly takesOver: Owner | undefined;
  /** Tags of the records that it works on: those that it has marked as its own and neither completed nor removed. */
  readonly unfinished: Set<string>;
}

/** Runs a verb; returns what goes to stdout. Throws CniError. */
export type RunVerb = (context: Context) => Promise<string>;
