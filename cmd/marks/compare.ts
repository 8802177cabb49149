/** Looks for all that differs, as checks: what `wrapper drift` shows and `wrapper repair` puts right. */
import type { Finding } from "../../lib/checks/finding";
import { runChecks, type Check, type Verdict } from "../../lib/checks/run";
import { CniError } from "../../lib/cni/error";
import { readRecords } from "../../lib/reconcile/records";
import type { Values } from "../command";
import type { Io } from "../io";
import { withSignOfLife } from "../screen/waiting";
import { askAnnotations, type Annotations } from "./annotations";
import { lookAtMarks, lookForForeign, targetOf, type MarksLook } from "./look";
import { openMarks, type Opened } from "./open";
import { findOwed } from "./owed";

/** Between two looks (ms): enough for an ADD or a DEL that ended just now to be seen to have ended. */
const PAUSE_MS = 500;

/** A call of one of the commands. */
export interface Comparison {
  readonly io: Io;
  readonly values: Values;
  readonly opened: Opened;
  readonly annotations: Annotations;
}

/** Opens the node, asks for the annotations, and calls `body`. */
export async function withComparison<T>(
  io: Io,
  values: Values,
  body: (comparison: Comparison) => Promise<T>,
): Promise<T> {
  const opened = openMarks(io, values);
  const records = readRecords(targetOf(opened)).complete;
  const annotations = await withSignOfLife("asking for the pods' annotations", () =>
    askAnnotations(opened.conf, records),
  );
  return body({ io, values, opened, annotations });
}

/** All that differs now, in one verdict a category. */
export async function verdictsOf(comparison: Comparison): Promise<readonly Verdict[]> {
  const { opened, annotations } = comparison;
  const checks = [
    marksCheck(() => lookConfirmed(comparison)),
    annotationsCheck(annotations),
    foreignCheck(opened),
  ];
  return withSignOfLife("comparing the marks of all pods", () => runChecks(checks));
}

/** Pods come and go meanwhile: what is wrong only once is an ADD or a DEL at work (decision 0051). */
export async function lookConfirmed(comparison: Comparison): Promise<MarksLook> {
  const first = await lookOnce(comparison);
  if (first.findings.length === 0) return first;
  await comparison.opened.node.clock.sleep(PAUSE_MS);
  const second = await lookOnce(comparison);
  return { ...second, findings: second.findings.filter((each) => isAmong(first, each)) };
}

async function lookOnce({ opened, io, values, annotations }: Comparison): Promise<MarksLook> {
  const { abandoned } = findOwed(opened, io, values);
  return lookAtMarks(opened, targetOf(opened), { pods: annotations.view, abandoned });
}

function isAmong({ findings }: MarksLook, { code, fault }: Finding): boolean {
  return findings.some((each) => each.code === code && each.fault === fault);
}

function marksCheck(look: () => Promise<MarksLook>): Check {
  return { name: "marks", category: "pods", local: true, look };
}

function annotationsCheck({ view, problem }: Annotations): Check {
  return {
    name: "annotations",
    category: "pods",
    local: false,
    look: async () => {
      if (problem !== undefined) throw new CniError("tryAgainLater", problem);
      return view === undefined
        ? { findings: [], skipped: "annotations are not compared: no kubeconfig in the conflist" }
        : { findings: [], summary: "annotations of today compared" };
    },
  };
}

function foreignCheck(opened: Opened): Check {
  return {
    name: "foreign rules",
    category: "pods",
    local: true,
    look: async () => {
      const { findings, unseen } = await lookForForeign(opened);
      if (unseen.length > 0 && findings.length === 0)
        throw new CniError("rules", unseen.join("; "));
      return { findings };
    },
  };
}
