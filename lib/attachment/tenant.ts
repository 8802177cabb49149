import type { PluginConf, Tenant } from "../../conf/types";
import type { ChosenAnnotation } from "./mark-choice";
import { CniError } from "../cni/error";
import { quote } from "../cni/json";
import { formatMark, type Mark, parseMark, sameMark } from "../net/mark";

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

/** True when `name` matches `pattern`, in which `*` stands for any run of characters, also none. */
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
