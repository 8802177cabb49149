/** What was changed on the node, so that it can be put back. */
import type { ForwardRule, IpRoute, IpRule } from "./types";

export interface RoutesRecord {
  readonly rules: readonly IpRule[];
  readonly routes: readonly IpRoute[];
  /** Values before the first change, by path under /proc/sys, and what was written. */
  readonly sysctls: Readonly<Record<string, { readonly before: string; readonly written: string }>>;
  readonly forward: readonly ForwardRule[];
  /** Our nftables table as it was written, and as the kernel listed it right after. */
  readonly nat: { readonly text: string; readonly listing: string } | undefined;
  /** Path of the file with the tables' names. */
  readonly names: string | undefined;
}

export const EMPTY_RECORD: RoutesRecord = { rules: [], routes: [], sysctls: {}, forward: [], nat: undefined, names: undefined };
