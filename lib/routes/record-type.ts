/** What was changed on the node, so that it can be put back. */
import { routeKey, routePlace, ruleKey } from "./changes/identity";
import type { ForwardRule, IpRoute, IpRule } from "./model";

/** A kernel setting before its first change, and what was written. */
export interface ChangedSysctl {
  readonly before: string;
  readonly written: string;
}

export interface RoutesRecord {
  readonly rules: readonly IpRule[];
  readonly routes: readonly IpRoute[];
  /** Routes of others that stood at the place of ours. */
  readonly displaced: readonly IpRoute[];
  /** By path under /proc/sys; `sides`: what the kernel changes along with it. */
  readonly sysctls: Readonly<
    Record<string, ChangedSysctl & { readonly sides?: Readonly<Record<string, ChangedSysctl>> }>
  >;
  readonly forward: readonly ForwardRule[];
  /** Our nftables table as it was written, and as the kernel listed it right after. */
  readonly nat: { readonly text: string; readonly listing: string } | undefined;
  /** Path of the file with the tables' names. */
  readonly names: string | undefined;
  /** Directories that were made for it, the outermost first. */
  readonly directories: readonly string[];
}

export const EMPTY_RECORD: RoutesRecord = {
  rules: [],
  routes: [],
  displaced: [],
  sysctls: {},
  forward: [],
  nat: undefined,
  names: undefined,
  directories: [],
};

/** Both records' things: what has to be undone when a change dies half-way. */
export function joinRecords(a: RoutesRecord, b: RoutesRecord): RoutesRecord {
  const once = <T>(items: readonly T[], key: (item: T) => string): readonly T[] => [
    ...new Map(items.map((item) => [key(item), item])).values(),
  ];
  return {
    ...b,
    rules: once([...a.rules, ...b.rules], ruleKey),
    routes: once([...a.routes, ...b.routes], routeKey),
    displaced: once([...b.displaced, ...a.displaced], routePlace),
    sysctls: { ...a.sysctls, ...b.sysctls },
    forward: once([...a.forward, ...b.forward], ({ family, spec }) => `${family} ${spec}`),
    nat: b.nat ?? a.nat,
    names: b.names ?? a.names,
    directories: [...new Set([...a.directories, ...b.directories])],
  };
}
