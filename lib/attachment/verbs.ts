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
  const { cni, progress } = context.request;
  const { facts } = progress;
  try {
    const output = await atWork(context, async () => {
      refuseHostNetns(cni);
      const run = await VERBS[verb]();
      return run(context);
    });
    return { facts, output };
  } catch (thrown) {
    return { facts, error: toCniError(thrown) };
  }
}

/** Does a request's work; to all others the request is at work until it has ended, and no longer. */
export async function atWork<T>(context: Context, body: () => Promise<T>): Promise<T> {
  const { owner, unfinished } = context.request;
  const { requests } = context.node;
  const id = owner.request ?? "";
  requests.add(id);
  try {
    return await body();
  } finally {
    // Loaded only here: most requests leave nothing.
    if (unfinished.size > 0) await (await import("./transitions")).release(context);
    requests.delete(id);
  }
}
