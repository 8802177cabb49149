/** A node on paper to which changes are made. */
import { CniError } from "../../../../lib/cni/error";
import type { RoutesNode } from "../../../../lib/routes/apply";
import type { Kernel } from "../../../../lib/routes/kernel/kernel";
import {
  type Action,
  type CarriedMark,
  EMPTY_RECORD,
  type NodeState,
  type RoutesRecord,
} from "../../../../lib/routes/model";
import { routePlace, ruleKey } from "../../../../lib/routes/changes/identity";
import { actionText } from "../../../../lib/routes/text";
import { confOf, stateOf } from "./node-rig";

/** Two tenants with a table each, and names in /names. */
export const CONF = confOf({ routes: { namesDir: "/names" } });

/** A node that remembers what was done to it. */
export class FakeNode implements RoutesNode {
  private held: NodeState = stateOf({ families: [4] });
  readonly done: string[] = [];
  readonly written: RoutesRecord[] = [];
  record: RoutesRecord = EMPTY_RECORD;
  full = false;
  nat: string | undefined;
  files: Record<string, string> = {};
  /** Commands with this in them fail. */
  refuses: string | RegExp = "nothing";

  change(part: Partial<NodeState>): this {
    this.held = { ...this.held, ...part };
    return this;
  }

  readonly records = {
    read: () => this.record,
    write: (record: RoutesRecord) => {
      if (this.full) throw new CniError("journal", "no space");
      this.written.push((this.record = record));
    },
    remove: () => void (this.record = EMPTY_RECORD),
  };
  carried: readonly CarriedMark[] = [];
  readonly carriedMarks = () => this.carried;
  guarded = false;
  readonly isGuarded = () => this.guarded;
  readonly readSurroundings = async () => ({
    markUses: [],
    chains: [],
    nftTables: [],
    tableNames: [],
    unseen: [],
  });
  readonly kernel: Kernel = {
    state: async () => this.held,
    own: async () => ({
      forward: [],
      natListing: this.nat,
      file: (path) => this.files[path],
      leftover: () => undefined,
      absent: () => [],
    }),
    natListing: async () => this.nat,
    perform: async (action) => {
      const text = actionText(action);
      if (text.search(this.refuses) >= 0) throw new CniError("io", "refused");
      this.done.push(text);
      this.take(action);
    },
  };

  private take(action: Action): void {
    if (action.kind === "rule")
      this.change({
        rules: [
          ...this.held.rules.filter((each) => ruleKey(each) !== ruleKey(action.rule)),
          ...(action.op === "add" ? [action.rule] : []),
        ],
      });
    if (action.kind === "route")
      this.change({
        routes: [
          ...this.held.routes.filter((each) => routePlace(each) !== routePlace(action.route)),
          ...(action.op === "replace" ? [action.route] : []),
        ],
      });
    if (action.kind === "nat") this.nat = action.text === undefined ? undefined : "listed";
    if (action.kind !== "file") return;
    if (action.text === undefined) delete this.files[action.path];
    else this.files[action.path] = action.text;
  }
}
