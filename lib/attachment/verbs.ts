/** The verbs by name, and how one ends. */
import { toCniError, type CniError } from "../cni/error";
import type { Verb } from "../cni/request";
import { refuseHostNetns } from "../node/netns";
import type { Context, RunVerb } from "./context";
import type { Facts } from "./facts";

/** How an operation ended, and what is known about it either way. */
export type Outcome = { readonly facts: Facts } & (
  { readonly output: string } | { readonly error: CniError }
);

/** The verbs that do something. */
export type WorkingVerb = Exclude<Verb, "VERSION">;

/** Each is loaded when it is asked for. */
const VERBS: Readonly<Record<WorkingVerb, () => Promise<RunVerb>>> = {
  ADD: async () => (await import("./add")).add,
  DEL: async () => (await import("./del")).del,
  CHECK: async () => (await import("./check")).check,
  GC: async () => (await import("./gc")).gc,
  STATUS: async () => (await import("./status")).status,
};

/** Carries out one request. Never throws: whatever is thrown is the outcome's error. */
export async function runVerb(verb: WorkingVerb, context: Context): Promise<Outcome> {
  const { cni, owner, progress } = context.request;
  const { facts } = progress;
  const id = owner.request ?? "";
  context.node.requests.add(id);
  try {
    refuseHostNetns(cni);
    const run = await VERBS[verb]();
    return { facts, output: await run(context) };
  } catch (thrown) {
    return { facts, error: toCniError(thrown) };
  } finally {
    context.node.requests.delete(id);
  }
}
