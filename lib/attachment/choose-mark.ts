/** From the request to the pod's mark: which annotations, from where, and what they mean. */
import type { PluginConf, Tenant } from "../../conf/types";
import type { PodRef } from "../cni/request";
import type { PodAnnotations, PodSource } from "../ports";
import { CniError, toCniError } from "../cni/error";
import { formatMark, parseMark, sameMark, type Mark } from "../net/mark";
import { isObject, own, quote, type Json } from "../cni/json";
import type { ChosenAnnotation, MarkChoice } from "./facts";
import { OwnedAnswerError } from "../cni/owned-answer";

/** CONVENTIONS.md calls it a well-known capability; containerd and CRI-O fill it. */
const ANNOTATIONS_CAPABILITY = "io.kubernetes.cri.pod-annotations";

export type PodSourceFactory = () => Promise<PodSource>;

/**
 * Chooses the pod's mark: annotations passed by the runtime first, without any API call when the key
 * is among them, else the API. Throws CniError: `invalidConfig` and `tenantForbidden` for a value
 * that is refused, `invalidEnvironment` without a pod name; unless `onError` is "allow", also when neither
 * the runtime nor an API server can say what the annotations are, and the PodSource's errors.
 */
export async function chooseMark(
  conf: PluginConf,
  pod: PodRef | undefined,
  pods: PodSourceFactory,
): Promise<MarkChoice> {
  const exempt = exemption(conf, pod);
  if (exempt !== undefined) return exempt;
  const passed = runtimeAnnotations(conf);
  const onPod = chooseAnnotation(conf.annotationKeys, { pod: passed ?? {}, namespace: {} });
  if (onPod !== undefined) return decide(conf, onPod, pod);
  if (conf.kubeconfig === undefined) return withoutApi(conf, pod);
  let found: PodAnnotations;
  try {
    found = await askApi(pod, passed, { keys: conf.annotationKeys, pods });
  } catch (error) {
    if (pod === undefined || !mayGoOn(conf, error)) throw error;
    return { source: "failed", step: "lookup", error: toCniError(error) };
  }
  const annotation = chooseAnnotation(conf.annotationKeys, found);
  return annotation === undefined
    ? { source: "none", askedApi: true }
    : decide(conf, annotation, pod);
}

/**
 * The same for a pod whose annotations are known, which is to say that an ADD with them would choose this.
 * Throws CniError `invalidConfig` and `tenantForbidden` for a value that is refused.
 */
export function chooseKnown(conf: PluginConf, pod: PodRef, found: PodAnnotations): MarkChoice {
  const annotation = chooseAnnotation(conf.annotationKeys, found);
  return (
    exemption(conf, pod) ??
    (annotation === undefined ? { source: "none", askedApi: true } : decide(conf, annotation, pod))
  );
}

/**
 * The same for a pod of which only the annotation is known that decided at its ADD. Undefined where that
 * annotation does not count any more, because then others may.
 */
export function chooseRecorded(
  conf: PluginConf,
  pod: PodRef | undefined,
  annotation: ChosenAnnotation,
): MarkChoice | undefined {
  return conf.annotationKeys.includes(annotation.key) ? decide(conf, annotation, pod) : undefined;
}

/** The choice for a pod of an exempt namespace, whose annotations do not count. */
export function exemption(conf: PluginConf, pod: PodRef | undefined): MarkChoice | undefined {
  return pod !== undefined && matchesAnyGlob(conf.exemptNamespaces, pod.namespace)
    ? { source: "exempt", namespace: pod.namespace }
    : undefined;
}

function mayGoOn({ onError }: PluginConf, error: unknown): boolean {
  return onError === "allow" && !(error instanceof OwnedAnswerError);
}

// null and {} say that the pod has no annotations. Without the key nothing is known, and a tenant's pod
// must not start unmarked because of that.
function withoutApi(conf: PluginConf, pod: PodRef | undefined): MarkChoice {
  if (whatRuntimePassed(conf) !== undefined) return { source: "none", askedApi: false };
  const error = new CniError(
    "invalidEnvironment",
    `${pod === undefined ? "" : `pod ${pod.namespace}/${pod.name}: `}the container runtime did not pass the pod's annotations ` +
      `(runtimeConfig has no "${ANNOTATIONS_CAPABILITY}"), and there is no kubeconfig to ask the API server with: ` +
      `containerd 1.5 and CRI-O 1.29 are the first that pass them; upgrade the runtime, or set "kubeconfig" in the conflist`,
  );
  if (conf.onError === "deny") throw error;
  return { source: "failed", step: "lookup", error };
}

async function askApi(
  pod: PodRef | undefined,
  passed: Readonly<Record<string, string>> | undefined,
  { keys, pods }: { keys: readonly string[]; pods: PodSourceFactory },
): Promise<PodAnnotations> {
  if (pod === undefined) {
    throw new CniError(
      "invalidEnvironment",
      "CNI_ARGS has no K8S_POD_NAMESPACE and K8S_POD_NAME, so the pod's annotations cannot be read: " +
        "the runtime must pass them, or the annotations themselves (capability io.kubernetes.cri.pod-annotations)",
    );
  }
  const source = await pods();
  if (passed === undefined) {
    return source.read(
      pod,
      (annotations) => chooseAnnotation(keys, { pod: annotations, namespace: {} }) !== undefined,
    );
  }
  return { pod: passed, namespace: await source.readNamespace(pod) };
}

// With a kubeconfig, null and {} do not settle it: the API is asked for the pod's annotations too.
function runtimeAnnotations(conf: PluginConf): Readonly<Record<string, string>> | undefined {
  const value = whatRuntimePassed(conf);
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) {
    throw new CniError(
      "invalidConfig",
      `runtimeConfig["${ANNOTATIONS_CAPABILITY}"] must be an object, got ${quote(value)}`,
    );
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return undefined;
  const odd = entries.find(([, text]) => typeof text !== "string");
  if (odd !== undefined) {
    throw new CniError(
      "invalidConfig",
      `runtimeConfig["${ANNOTATIONS_CAPABILITY}"] has a value that is no string at ${quote(odd[0])}`,
    );
  }
  return value as Readonly<Record<string, string>>;
}

function whatRuntimePassed({ runtimeConfig }: PluginConf): Json | undefined {
  return runtimeConfig === undefined ? undefined : own(runtimeConfig, ANNOTATIONS_CAPABILITY);
}

function decide(
  conf: PluginConf,
  annotation: ChosenAnnotation,
  pod: PodRef | undefined,
): MarkChoice {
  return { ...annotation, ...decideMark(conf, annotation, pod?.namespace) };
}

/**
 * The annotation that decides: the first key that is present, all keys on the pod before any on
 * its namespace. A present but empty value decides too, and is refused later: falling back in silence
 * would give the pod a tenant that nobody asked for.
 */
export function chooseAnnotation(
  keys: readonly string[],
  found: PodAnnotations,
): ChosenAnnotation | undefined {
  for (const source of ["pod", "namespace"] as const) {
    for (const key of keys) {
      if (Object.hasOwn(found[source], key))
        return { key, value: found[source][key] ?? "", source };
    }
  }
  return undefined;
}

/** What an annotation value means on this node. */
export interface Decision {
  readonly mark: Mark;
  /** undefined when the node has no catalogue of tenants. */
  readonly tenant: Tenant | undefined;
}

/**
 * Decides which mark an annotation selects: a tenant's name or a literal equal to a tenant's mark,
 * or any literal where there is no catalogue. The value is the pod author's, so nothing of it but
 * a number goes further. Throws CniError `invalidConfig` or `tenantForbidden`.
 */
export function decideMark(
  conf: PluginConf,
  annotation: ChosenAnnotation,
  namespace: string | undefined,
): Decision {
  const tenants = conf.tenants;
  if (tenants === undefined)
    return { mark: literalMark(annotation, conf.defaultMask), tenant: undefined };
  const tenant =
    tenants.find((t) => t.name === annotation.value) ??
    tenantOfLiteral(tenants, annotation.value, conf.defaultMask);
  if (tenant === undefined) {
    const known = tenants.map((t) => `${t.name} (${formatMark(t.mark)})`).join(", ");
    throw new CniError(
      "invalidConfig",
      `${where(annotation)} names no tenant of this node: use one of ${known}`,
    );
  }
  checkNamespace(tenant, namespace);
  return { mark: tenant.mark, tenant };
}

function literalMark(annotation: ChosenAnnotation, defaultMask: number): Mark {
  const mark = parseMark(annotation.value, defaultMask);
  if (typeof mark === "string")
    throw new CniError("invalidConfig", `${where(annotation)} is not a usable mark: ${mark}`);
  return mark;
}

// A literal without a mask means the tenant that has this value, whatever its mask: the annotations
// of the original wrapper ("0x10") are written so.
function tenantOfLiteral(
  tenants: readonly Tenant[],
  value: string,
  defaultMask: number,
): Tenant | undefined {
  const mark = parseMark(value, defaultMask);
  if (typeof mark === "string") return undefined;
  const bare = !value.includes("/");
  return tenants.find((t) => (bare ? t.mark.value === mark.value : sameMark(t.mark, mark)));
}

function checkNamespace(tenant: Tenant, namespace: string | undefined): void {
  if (tenant.namespaces === undefined) return;
  if (namespace === undefined) {
    throw new CniError(
      "invalidEnvironment",
      `tenant "${tenant.name}" is limited to some namespaces, but CNI_ARGS has no K8S_POD_NAMESPACE and K8S_POD_NAME`,
    );
  }
  if (matchesAnyGlob(tenant.namespaces, namespace)) return;
  throw new CniError(
    "tenantForbidden",
    `namespace "${namespace}" may not use tenant "${tenant.name}": allowed are ${tenant.namespaces.join(", ")}; ` +
      `change the annotation, or the tenant's "namespaces" in the conflist`,
  );
}

function where(annotation: ChosenAnnotation): string {
  return `annotation ${annotation.key} on the ${annotation.source} (${quote(annotation.value)})`;
}

/** True when `name` matches `pattern`, in which `*` matches any run of characters, even an empty one. */
export function matchesGlob(pattern: string, name: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === name;
  if (!name.startsWith(head)) return false;
  let at = head.length;
  const tail = rest.pop() ?? "";
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - at >= tail.length && name.endsWith(tail);
}

/** True when any of the patterns matches. */
export function matchesAnyGlob(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, name));
}
