/** A node for `wrapper check` that changes at a chosen moment. */
import { lookTwice } from "../../../../../lib/checks/pods/confirm";
import { readEntries, type Look, type Observed } from "../../../../../lib/checks/pods/look";
import { findingsOf, isGood, toText } from "../../../../../cmd/check/report";
import { FakeMarks, KEY, record } from "../../../../helpers/context";
import type { Verdict } from "../../../../../lib/checks/pods/verdict";
import type { Attachment } from "../../../../../lib/attachment/journal";
import type { InstalledMark } from "../../../../../lib/ports";

export const WORKER = { pid: 77, startTime: "7" };
export const LABEL = "team-a/web-0";

/** What happens, by the moment: while the rules are listed, while the delegate is asked (each by its number), and in the pause. */
export type Script = Readonly<Record<string, () => void>>;

export class FakeNode implements Observed {
  readonly records = new Map<string, Attachment | string>();
  readonly alive = new Set<number>();
  readonly kernel = new FakeMarks();
  readonly backend = this.kernel;
  /** Verdicts of the delegate, one after the other; "ok" when there are no more. */
  verdicts: string[] = [];
  script: Script = {};
  readonly moments: string[] = [];

  readonly journal = {
    tags: () => [...this.records.keys()],
    read: (tag: string) => {
      const entry = this.records.get(tag);
      if (entry === undefined) return undefined;
      return typeof entry === "string" ? { corrupt: entry } : { attachment: entry };
    },
  };
  readonly marks = {
    list: async (): Promise<readonly InstalledMark[]> => {
      const listed = this.kernel.installed;
      this.pass("list");
      return listed;
    },
  };
  readonly isAlive = ({ pid }: { pid: number }): boolean => this.alive.has(pid);
  readonly clock = { sleep: async () => this.pass("pause") };
  readonly checkDelegate = async (): Promise<Verdict> => {
    this.pass("delegate");
    const said = this.verdicts.shift() ?? "ok";
    return said === "ok" ? said : { failure: said };
  };

  private pass(moment: string): void {
    const name = `${moment} ${this.moments.filter((each) => each.startsWith(moment)).length + 1}`;
    this.moments.push(name);
    this.script[name]?.();
  }
}

/** The pod of the record gets its marks. */
export async function installMarks(node: FakeNode, key = KEY): Promise<void> {
  const { mark, addresses } = record();
  await node.kernel.install({
    key,
    label: LABEL,
    mark: mark ?? { value: 0, mask: 0 },
    addresses,
    markReplies: false,
  });
}

/** Both looks at everything. */
export const lookAtAll = (node: FakeNode): Promise<Look> =>
  lookTwice(node, readEntries(node.journal));

/** What was printed; `once`: a second look was not needed. */
export interface Printed {
  readonly good: boolean;
  readonly lines: readonly string[];
  readonly rows: number;
  readonly once: boolean;
}

/** What would be printed, without the line of the configuration and the table. */
export async function print(node: FakeNode): Promise<Printed> {
  const findings = findingsOf(await lookAtAll(node), true);
  const lines = toText("x", findings)
    .split("\n")
    .filter((line) => /: /.test(line) && !line.startsWith("configuration"));
  return {
    good: isGood(findings),
    lines,
    rows: findings.reports.length,
    once: !node.moments.includes("pause 1"),
  };
}
