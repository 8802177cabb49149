/** Pure: which tenants are tested, and as whom. */
import type { PluginConf, Tenant } from "../../conf/types";
import { matchesAnyGlob } from "../attachment/choose-mark";
import { formatMark, type Mark } from "../net/mark";

/** Of those with a table, and of those without. */
export const MOST_TENANTS = 4;

/** One tenant under test. */
export interface TestTenant {
  /** The tenant's name, or the mark where there is no catalogue. */
  readonly name: string;
  readonly mark: Mark;
  /** Value of the annotation. */
  readonly value: string;
  /** A namespace that may use it and that is not exempt; undefined: there is none. */
  readonly namespace: string | undefined;
  /** undefined: no catalogue. */
  readonly tenant: Tenant | undefined;
  /** Whether the node routes lead its packets anywhere. */
  readonly routed: boolean;
}

/** Namespaces to try, where everything is allowed. */
const NAMESPACES = ["selftest", "tenant-routing-selftest", "x", "default"];

/** The tenants with a table first. */
export function tenantsToTest(conf: PluginConf): readonly TestTenant[] {
  const { tenants } = conf;
  if (tenants === undefined) return [literal(conf)];
  const all = tenants.map((tenant): TestTenant => ({
    name: tenant.name,
    mark: tenant.mark,
    value: tenant.name,
    namespace: namespaceOf(tenant.namespaces, conf.exemptNamespaces),
    tenant,
    routed: tenant.table !== undefined,
  }));
  return [
    ...all.filter(({ routed }) => routed).slice(0, MOST_TENANTS),
    ...all.filter(({ routed }) => !routed).slice(0, MOST_TENANTS),
  ];
}

/** The tenant in a few words. */
export function tenantText({ name, mark, tenant }: TestTenant): string {
  if (tenant === undefined) return name;
  return `${name} (${formatMark(mark)}, ${tenant.table === undefined ? "no table" : `table ${tenant.table}`})`;
}

/** A namespace that one of the globs allows (any, without globs) and that is not exempt. */
export function namespaceOf(
  globs: readonly string[] | undefined,
  exempt: readonly string[],
): string | undefined {
  const candidates =
    globs === undefined
      ? NAMESPACES
      : globs.flatMap((glob) => NAMESPACES.map((name) => glob.replaceAll("*", name)));
  return candidates.find((name) => !matchesAnyGlob(exempt, name));
}

/** A namespace that none of the globs allows and that is not exempt; undefined: there is none. */
export function outsideOf(globs: readonly string[], exempt: readonly string[]): string | undefined {
  return NAMESPACES.find((name) => !matchesAnyGlob(globs, name) && !matchesAnyGlob(exempt, name));
}

function literal({ defaultMask, exemptNamespaces }: PluginConf): TestTenant {
  // The lowest bit of the mask; 0x10, as everybody's examples have it, where it is inside.
  const value = (defaultMask & 0x10) === 0 ? (defaultMask & -defaultMask) >>> 0 : 0x10;
  const mark = { value, mask: defaultMask };
  const text = formatMark(mark);
  return {
    name: text,
    mark,
    value: text,
    namespace: namespaceOf(undefined, exemptNamespaces),
    tenant: undefined,
    routed: false,
  };
}
