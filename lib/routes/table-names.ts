/** Pure: names for the tenants' tables, so that `ip route show table tenant-a` works. */
import type { RoutesPlan } from "./types";

/** First line of our file; a file without it is somebody else's. */
export const NAMES_HEADER = "# Made by wrapper routes apply";
export const NAMES_FILE = "tenant-routing.conf";

/** The name of a tenant's table. */
export function tableName(tenant: string): string {
  return tenant.startsWith("tenant-") ? tenant : `tenant-${tenant}`;
}

/** The file for rt_tables.d; undefined without a directory or without tables. */
export function tableNames(dir: string | undefined, tenants: readonly { readonly name: string; readonly table: number }[]): RoutesPlan["names"] {
  if (dir === undefined || tenants.length === 0) return undefined;
  const lines = tenants.map(({ name, table }) => `${table} ${tableName(name)}`);
  return { path: `${dir}/${NAMES_FILE}`, text: [NAMES_HEADER, ...lines, ""].join("\n") };
}
