/** From the plugin object of a conflist to a configuration that is complete, checked and frozen. */
import type { Verb } from "../lib/cni/request";
import { isObject, isRawNumber, own, type Json, type JsonObject } from "../lib/cni/json";
import { FULL_MASK } from "../lib/net/mark";
import type { Draft } from "./draft";
import { parseDuration } from "./duration";
import { type Problem, problemsError, problemText, withoutConsequences } from "./problem";
import { buildAgent, buildRouter, buildRoutes, buildTenants, defaultMask } from "./build";
import { RULES } from "./checks/checks";
import { errorPath, schemaProblems } from "./schema-problems";
import type { PluginConf } from "./types";
import { type SchemaError, validate } from "./validate.generated";

export interface LoadedConf {
  readonly conf: PluginConf;
  /** Problems that this verb tolerates, each a sentence with pointer and hint. */
  readonly warnings: readonly string[];
}

/** These verbs need a correct configuration; the others must clean up or look whatever it says. */
const STRICT_VERBS: readonly Verb[] = ["ADD", "STATUS"];
/** Fields whose wrong parts are left out one by one. */
const PRUNED_INSIDE: readonly string[] = ["tenants", "marks", "delegate", "routes", "agent"];
const TENANT_KEY = "tenant.routing/fwmark";
const FWMARK_PLUGIN_KEY = "cni.fwmark.net/name";

/**
 * Checks the netconf and fills in the defaults. ADD and STATUS throw one CniError with every
 * problem: `unsupportedField` when only unknown keys are wrong, else `invalidConfig`. The other
 * verbs use each field that is valid and the default of each that is not, and return the problems
 * as warnings; they throw only for a missing network name and, for CHECK, a missing prevResult
 * (decision 0017).
 */
export function loadConf(netconf: JsonObject, verb: Verb): LoadedConf {
  const { raw, pruned, problems, found } = judge(netconf, verb);
  const network = typeof raw["name"] === "string" ? raw["name"] : undefined;
  const fatal = problems.filter((problem) => problem.fatal === true);
  if (STRICT_VERBS.includes(verb) && problems.length > 0) throw problemsError(network, problems);
  if (fatal.length > 0) throw problemsError(network, fatal);
  dropFields(pruned, found);
  return {
    conf: deepFreeze(build(raw, pruned as unknown as Draft)),
    warnings: problems.map(problemText),
  };
}

/** The verbs that come for each pod. */
const POD_VERBS: readonly Verb[] = ["ADD", "DEL", "CHECK"];

/**
 * The same for a process that stays: of netconfs that differ only in what the runtime has filled in, the first is
 * judged. It remembers so many of them (`kept`).
 */
export function createLoader(kept: number): typeof loadConf {
  const known = new Map<string, LoadedConf>();
  return (netconf, verb) => {
    const { runtimeConfig, prevResult, ...rest } = netconf;
    const filledIn = [runtimeConfig, prevResult];
    const isUsual = filledIn.every((value) => value === undefined || isObject(value));
    if (!isUsual || !POD_VERBS.includes(verb)) return loadConf(netconf, verb);
    const key = JSON.stringify([verb, filledIn.map((value) => value === undefined), rest]);
    const loaded = known.get(key);
    if (loaded === undefined) {
      const judged = loadConf(netconf, verb);
      if (known.size >= kept) known.clear();
      known.set(key, {
        ...judged,
        conf: { ...judged.conf, runtimeConfig: undefined, prevResult: undefined },
      });
      return judged;
    }
    return { ...loaded, conf: Object.freeze({ ...loaded.conf, ...filledInBy(netconf) }) };
  };
}

function filledInBy(netconf: JsonObject): Pick<PluginConf, "runtimeConfig" | "prevResult"> {
  const [runtimeConfig, prevResult] = (["runtimeConfig", "prevResult"] as const).map((key) => {
    const value = own(netconf, key);
    return value === undefined ? undefined : (deepFreeze(cloneJson(value)) as JsonObject);
  });
  return { runtimeConfig, prevResult };
}

/** Every problem that `verb` would name, as data. Never throws. */
export function confProblems(netconf: JsonObject, verb: Verb): readonly Problem[] {
  return withoutConsequences(judge(netconf, verb).problems);
}

interface Judged {
  readonly raw: JsonObject;
  /** Without what the schema refuses. */
  readonly pruned: MutableObject;
  readonly problems: readonly Problem[];
  /** Those of the rules. */
  readonly found: readonly Problem[];
}

function judge(netconf: JsonObject, verb: Verb): Judged {
  const raw = cloneJson(netconf) as JsonObject;
  const pruned = cloneJson(raw) as MutableObject;
  const refused = schemaProblems(prune(pruned), raw);
  const found = RULES.flatMap((rule) => rule({ raw, draft: pruned as unknown as Draft, verb }));
  return { raw, pruned, problems: [...refused, ...found], found };
}

/**
 * Removes what the schema refuses until the rest satisfies it, and fills in the defaults. Returns the
 * errors of the first pass: later ones only follow from what was removed.
 */
function prune(draft: MutableObject): readonly SchemaError[] {
  if (validate(draft)) return [];
  const first = validate.errors ?? [];
  let errors = first;
  do {
    for (const error of errors) remove(draft, errorPath(error));
    errors = validate(draft) ? [] : (validate.errors ?? []);
  } while (errors.length > 0);
  return first;
}

function dropFields(draft: MutableObject, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  for (const { path, drop } of problems) for (const each of drop ?? [path]) remove(draft, each);
  prune(draft);
}

/**
 * Removes the field that a path leads into. A tenant goes as a whole, because without its guard it
 * would be open to everyone; of the delegate only the value itself goes, so that DEL still has it.
 */
function remove(draft: MutableObject, path: readonly string[]): void {
  const [section = "", key = ""] = path;
  const child = draft[section];
  if (path.length === 1 || !PRUNED_INSIDE.includes(section) || !isObject(child))
    delete draft[section];
  else if (Object.hasOwn(child, key)) delete (child as MutableObject)[key];
  else if (section === "delegate") delete draft[section];
}

function build(raw: JsonObject, draft: Draft): PluginConf {
  const hasCatalogue = raw["tenants"] !== undefined || raw["marks"] !== undefined;
  return {
    name: draft.name ?? "",
    cniVersion: draft.cniVersion === "" ? "0.1.0" : draft.cniVersion,
    type: draft.type,
    delegate: draft.delegate,
    kubeconfig: draft.kubeconfig,
    annotationKeys: annotationKeys(raw, draft),
    tenants: hasCatalogue ? buildTenants(draft) : undefined,
    defaultMask: defaultMask(draft) ?? FULL_MASK,
    onError: draft.onError,
    onAnnotationChange: draft.onAnnotationChange,
    exemptNamespaces: draft.exemptNamespaces ?? [],
    markReplies: draft.markReplies,
    backend: draft.backend,
    guard: draft.guard,
    iptables: draft.iptables,
    dataDir: draft.dataDir,
    logFile: draft.logFile === "" ? undefined : draft.logFile,
    logLevel: draft.logLevel,
    apiTimeoutMs: parseDuration(draft.apiTimeout),
    delegateTimeoutMs: parseDuration(draft.delegateTimeout),
    lockTimeoutMs: parseDuration(draft.lockTimeout),
    routes: buildRoutes(draft),
    router: buildRouter(draft),
    agent: buildAgent(draft),
    runtimeConfig: draft.runtimeConfig ?? undefined,
    args: draft.args,
    dns: draft.dns,
    prevResult: draft.prevResult ?? undefined,
    gc: attachments(draft),
  };
}

function annotationKeys(raw: JsonObject, draft: Draft): readonly string[] {
  const byDefault = raw["annotationKey"] === undefined;
  if (byDefault && raw["marks"] !== undefined) return [TENANT_KEY, FWMARK_PLUGIN_KEY];
  return [draft.annotationKey].flat();
}

function attachments(draft: Draft): JsonObject {
  const gc = Object.create(null) as Record<string, Json>;
  for (const key of ["cni.dev/valid-attachments", "cni.dev/attachments"] as const) {
    const value = draft[key];
    if (value !== undefined) gc[key] = value;
  }
  return gc;
}

/** JSON that may still be changed. */
type MutableObject = Record<string, Json>;

/**
 * A deep copy without prototypes: own keys only, and none called `__proto__`, so that nothing in a
 * configuration can reach or shadow an inherited property. Depth is bounded by the parser.
 */
function cloneJson(value: Json): Json {
  if (Array.isArray(value)) return value.map(cloneJson);
  if (!isObject(value)) return value;
  const copy = Object.create(null) as MutableObject;
  for (const [key, item] of Object.entries(value)) {
    if (key !== "__proto__") copy[key] = cloneJson(item);
  }
  return copy;
}

/** Freezes a value and everything in it; returns the same value. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || isRawNumber(value)) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
