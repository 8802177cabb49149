/** A reconciler's world: a real journal, marks in memory, and pods as a test says. */
import type { PluginConf } from "../../../../conf/types";
import type { Layer, PodView, ReconcileLine } from "../../../../lib/reconcile/ports";
import { createReconciler, type Reconciler } from "../../../../lib/reconcile/reconciler";
import { createJournal, type Attachment, type Journal } from "../../../../lib/attachment/journal";
import { attachmentTag } from "../../../../lib/marks/tag";
import { systemClock } from "../../../../lib/node/clock";
import { confWith } from "../../../helpers/conf-object";
import { FakeMarks, record } from "../../../helpers/context";
import { FakeLocks } from "../../../helpers/fakes";

export const UID = "u-1";
export const KEY = "tenant.routing/fwmark";

export class Rig {
  readonly journal: Journal;
  readonly marks = new FakeMarks();
  readonly guard = new FakeMarks();
  readonly said: ReconcileLine[] = [];
  conf: PluginConf = confWith({ agent: { ...confWith().agent, reconcileIntervalMs: 5 } });
  /** Annotations by `<namespace>/<pod>`, and of namespaces by name. */
  pods: Record<string, Record<string, string>> = {};
  /** Where marks belong; undefined: nobody knows. */
  home: string | undefined = undefined;
  namespaces: Record<string, Record<string, string>> = {};
  readonly reconciler: Reconciler;
  private running: Promise<void> = Promise.resolve();

  constructor(dir: string, { guarded = false } = {}) {
    this.journal = createJournal(dir);
    this.journal.prepare();
    const view: PodView = {
      pod: (namespace, name) => {
        const annotations = this.pods[`${namespace}/${name}`];
        return annotations === undefined ? undefined : { uid: UID, annotations };
      },
      namespace: (name) => this.namespaces[name],
    };
    const layers: Layer[] = [{ name: "marks", backend: this.marks, marks: this.marks }];
    if (guarded) layers.push({ name: "guard", backend: this.guard, marks: this.guard });
    this.reconciler = createReconciler({
      clock: systemClock,
      pods: view,
      say: (line) => void this.said.push(line),
      target: () => ({
        conf: this.conf,
        journal: this.journal,
        locks: new FakeLocks().port,
        home: { place: () => this.home, probe: () => this.marks.probe() },
        layers,
      }),
    });
  }

  /** A complete record and, unless `bare`, what it calls for. */
  async attach(
    name: string,
    part: Partial<Attachment> = {},
    { bare = false } = {},
  ): Promise<string> {
    const attachment = record({
      key: { network: "net", containerId: name, ifname: "eth0" },
      pod: { namespace: "team-a", name, uid: UID },
      ...part,
    });
    const tag = attachmentTag(attachment.key);
    this.journal.write(tag, attachment);
    const { key, mark, addresses, markReplies = false } = attachment;
    if (mark !== undefined && !bare)
      for (const marks of [this.marks, this.guard])
        await marks.install({ key, label: `team-a/${name}`, mark, addresses, markReplies });
    return tag;
  }

  recordOf(tag: string): Attachment | undefined {
    const found = this.journal.read(tag);
    return found !== undefined && "attachment" in found ? found.attachment : undefined;
  }

  /** `<address> <mark>` of what sets marks. */
  installed(marks = this.marks): readonly string[] {
    return marks.installed
      .filter(({ piece }) => piece === "mark rule")
      .map(({ address, mark }) => `${address} 0x${(mark?.value ?? 0).toString(16)}`)
      .sort();
  }

  /** Runs until it has looked so many times more. */
  async looks(times: number): Promise<void> {
    const from = this.reconciler.figures().looks;
    if (from === 0) this.running = this.reconciler.run();
    while (this.reconciler.figures().looks < from + times) {
      this.reconciler.wake();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async stop(): Promise<void> {
    this.reconciler.stop();
    await this.running;
  }

  messages(event: ReconcileLine["event"]): readonly string[] {
    return this.said.filter((line) => line.event === event).map(({ message }) => message);
  }
}
