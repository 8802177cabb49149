/** Pure: names for the tenants' tables, so that `ip route show table tenant-a` works. */
import type { RoutesPlan } from "../model";

/** The first line of our file. */
const NAMES_HEADER = "# Made by wrapper routes apply";
export const NAMES_FILE = "tenant-routing.conf";

/**
 * Whether the file is ours, or that of the setup script of older versions; any other is foreign.
 */
export function isOurNamesFile(text: string): boolean {
  return text.startsWith(NAMES_HEADER) || text.startsWith("# Made by tenant-routing-setup.sh");
}

/** The name of a tenant's table. */
export function tableName(tenant: string): string {
  return tenant.startsWith("tenant-") ? tenant : `tenant-${tenant}`;
}

/** The file for rt_tables.d; undefined without a directory or without tables. */
export function tableNames(
  dir: string | undefined,
  tenants: readonly { readonly name: string; readonly table: number }[],
): RoutesPlan["names"] {
  if (dir === undefined || tenants.length === 0) return undefined;
  // Tenants "a" and "tenant-a" would have the same name; "tenant-a" keeps it.
  const taken = (name: string): boolean =>
    tableName(name) !== name && tenants.some((other) => other.name === tableName(name));
  const lines = tenants
    .filter(({ name }) => !taken(name))
    .map(({ name, table }) => `${table} ${tableName(name)}`);
  return { path: `${dir}/${NAMES_FILE}`, text: [NAMES_HEADER, ...lines, ""].join("\n") };
}
