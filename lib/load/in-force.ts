/** Pure: the marks that are in force, by tenant and by pod, with what they have counted. */
import type { PluginConf } from "../../conf/types";
import type { Attachment } from "../attachment/journal";
import { podName } from "../checks/pods/mark-findings";
import { groupBy } from "../net/group";
import { formatMark, sameMark, type Mark } from "../net/mark";
import type { InstalledMark } from "../ports";
import type { Traffic } from "../traffic";

/** What was counted; undefined: this backend does not count it apart. */
export interface Counted {
  readonly packets: number | undefined;
  readonly bytes: number | undefined;
}

/** One pod's mark in one place. */
export interface PodRow extends Counted {
  readonly pod: string;
  readonly tag: string;
  readonly tenant: string | undefined;
  /** undefined: what is installed does something else than it was installed for. */
  readonly mark: Mark | undefined;
  readonly backend: string;
  readonly addresses: readonly string[];
  /** Rules or map elements. */
  readonly pieces: number;
  readonly recorded: boolean;
}

/** All pods with one mark in one backend; a tenant without any has one row too. */
export interface TenantRow extends Counted {
  readonly tenant: string | undefined;
  readonly mark: Mark;
  readonly backend: string | undefined;
  readonly pods: number;
}

/** What is known of this node. */
export interface Seen {
  readonly installed: readonly InstalledMark[];
  readonly traffic: readonly Traffic[];
  /** By tag. */
  readonly records: ReadonlyMap<string, Attachment>;
}

/** By tenant, then by name. */
export function podRows(
  conf: PluginConf,
  { installed, traffic, records }: Seen,
): readonly PodRow[] {
  const byKey = groupBy(installed, keyOf);
  const countedIn = groupBy(
    traffic.filter(({ tag }) => tag !== undefined),
    keyOf,
  );
  const rows = [...new Set(installed.map(keyOf))].map((key): PodRow => {
    const pieces = byKey(key);
    const mark = markOf(pieces);
    const { tag = "", backend = "", label = "" } = pieces[0] ?? {};
    const record = records.get(tag);
    const [counted] = countedIn(key);
    return {
      pod: record === undefined ? label : podName(record),
      tag,
      tenant: record?.tenant ?? tenantOf(conf, mark),
      mark,
      backend,
      addresses: [...new Set(pieces.map(({ address }) => address))],
      pieces: pieces.length,
      recorded: record !== undefined,
      packets: counted?.packets,
      bytes: counted?.bytes,
    };
  });
  return [...rows].sort((a, b) => compare(nameOf(a), nameOf(b)) || compare(a.pod, b.pod));
}

/** undefined: not the one mark that was installed. */
function markOf(pieces: readonly InstalledMark[]): Mark | undefined {
  // The reply rule's mark has no bits, and says nothing of the tenant.
  const marks = pieces.map(({ mark }) => mark).filter((mark) => mark?.value !== 0);
  const [first] = marks;
  const isOne = marks.every(
    (mark) => mark !== undefined && first !== undefined && sameMark(mark, first),
  );
  return isOne ? first : undefined;
}

/** The tenants of the conflist in their order, then marks that are nobody's. */
export function tenantRows(
  conf: PluginConf,
  pods: readonly PodRow[],
  traffic: readonly Traffic[],
): readonly TenantRow[] {
  const found = new Map<string, Mark>();
  const known = (conf.tenants ?? []).map(({ mark }) => mark);
  const used = [...pods, ...traffic].flatMap(({ mark }) => mark ?? []);
  for (const mark of [...known, ...used]) found.set(formatMark(mark), mark);
  return [...found.values()].flatMap((mark) => rowsOf(conf, mark, pods, traffic));
}

function rowsOf(
  conf: PluginConf,
  mark: Mark,
  pods: readonly PodRow[],
  traffic: readonly Traffic[],
): readonly TenantRow[] {
  const mine = pods.filter((row) => row.mark !== undefined && sameMark(row.mark, mark));
  const counted = traffic.filter((each) => sameMark(each.mark, mark));
  const backends = [...new Set([...mine, ...counted].map(({ backend }) => backend))];
  const tenant = tenantOf(conf, mark);
  if (backends.length === 0)
    return [{ tenant, mark, backend: undefined, pods: 0, packets: 0, bytes: 0 }];
  return backends.map((backend) => {
    const here = counted.filter((each) => each.backend === backend);
    return {
      tenant,
      mark,
      backend,
      pods: new Set(mine.filter((row) => row.backend === backend).map(({ tag }) => tag)).size,
      packets: here.reduce((sum, { packets }) => sum + packets, 0),
      bytes: here.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  });
}

/** The tenant with just this mark. */
export function tenantOf({ tenants = [] }: PluginConf, mark: Mark | undefined): string | undefined {
  return tenants.find((tenant) => mark !== undefined && sameMark(tenant.mark, mark))?.name;
}

/** Of one attachment in one backend. */
export function keyOf({ tag, backend }: Pick<Traffic, "tag" | "backend">): string {
  return `${tag} ${backend}`;
}

function nameOf({ tenant, mark }: PodRow): string {
  return tenant ?? (mark === undefined ? "" : formatMark(mark));
}

/** The order of texts, whatever the locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
