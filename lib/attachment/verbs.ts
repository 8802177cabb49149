/** The verbs by name. Each is loaded when it is asked for. */
import type { Verb } from "../cni/request";
import { refuseHostNetns } from "../node/netns";
import type { Context, RunVerb } from "./context";
import { outcomeOf, type Outcome } from "./outcome";

/** The verbs that do something. */
export type WorkingVerb = Exclude<Verb, "VERSION">;

const VERBS: Readonly<Record<WorkingVerb, () => Promise<RunVerb>>> = {
  ADD: async () => (await import("./add")).add,
  DEL: async () => (await import("./del")).del,
  CHECK: async () => (await import("./check")).check,
  GC: async () => (await import("./gc")).gc,
  STATUS: async () => (await import("./status")).status,
};

/** Carries out one request. Never throws. */
export function runVerb(verb: WorkingVerb, context: Context): Promise<Outcome> {
  return outcomeOf(context.request.progress, async () => {
    refuseHostNetns(context.request.cni);
    const run = await VERBS[verb]();
    return run(context);
  });
}
