import { setTimeout as pause } from "node:timers/promises";
import { createGuard } from "../../lib/marks/nftables/guard";
import { formatMark } from "../../lib/net/mark";
import { createPrograms, type Programs } from "../../lib/node/programs";
import { formatTable } from "../../lib/text/table";
import { formatBytes } from "../../lib/text/units";
import { mayHaveGuard, newRunner } from "../backends";
import { outputFormat, type RunCommand } from "../command";
import { keepShowing } from "../screen/watch";
import { withSignOfLife } from "../screen/waiting";
import { podRows } from "./in-force";
import { openMarks, recordsOf, type Opened } from "./open";
import { loadsOf, type GatewayState, type Load, type Sample } from "./rates";

/** Between two samples (ms). */
const EACH_MS = 1000;

/**
 * `wrapper top`: what each tenant sends now. On a terminal again every second until SIGINT or SIGTERM, else once.
 * Returns 0; throws when the marks cannot be listed.
 */
export const topCommand: RunCommand = async (io, _positionals, values) => {
  const isJson = outputFormat(values) === "json";
  const opened = openMarks(io, values);
  const sample = sampler(opened);
  const first = await withSignOfLife("reading the counters", sample);
  if (isJson || values.once === true || !process.stdout.isTTY) {
    const last = await withSignOfLife("counting for a second", () => pause(EACH_MS).then(sample));
    const loads = loadsOf(opened.conf, first, last);
    io.stdout(isJson ? toJson(opened.path, loads) : toText(loads));
    return 0;
  }
  let before: Sample | undefined;
  return keepShowing(io, EACH_MS, async () => {
    const now = before === undefined ? first : await sample();
    const loads = loadsOf(opened.conf, before ?? now, now);
    before = now;
    const heading = `${opened.path}, every second; Ctrl-C ends it\n\n`;
    return () => {
      io.stdout(`${heading}${toText(loads)}`);
      return 0;
    };
  });
};

function sampler(opened: Opened): () => Promise<Sample> {
  const { conf, node } = opened;
  const marks = node.backend.open({});
  const runner = newRunner(conf, { exec: node.exec });
  const guard = mayHaveGuard(conf.dataDir) && runner.has() ? createGuard(runner) : undefined;
  const programs = createPrograms(node.exec);
  return async () => {
    const [installed, traffic, listed, gateways] = await Promise.all([
      marks.list(),
      marks.traffic(),
      guard?.list(),
      gatewaysOf(opened, programs),
    ]);
    const at = node.clock.elapsed();
    const records = recordsOf(opened);
    const pods = podRows(conf, { installed, traffic, records });
    return { at, traffic, pods, dropped: listed?.dropped, gateways };
  };
}

/** What `ip -j neigh` and `ip -j link` print of one entry. */
interface IpEntry {
  readonly dst?: string;
  readonly dev?: string;
  readonly state?: readonly string[];
  readonly ifname?: string;
  readonly operstate?: string;
}

async function gatewaysOf(
  { conf: { tenants = [] } }: Opened,
  programs: Programs,
): Promise<readonly GatewayState[]> {
  if (tenants.every(({ gateways }) => gateways.length === 0)) return [];
  const [neighbours, links] = await Promise.all(
    ["neigh", "link"].map(async (what) => listOf(await programs.run("ip", ["-j", what, "show"]))),
  );
  return tenants.flatMap(({ name, gateways }) =>
    gateways.map(({ via, dev }): GatewayState => {
      const entry = neighbours?.find(
        (each) => each.dst === via && (dev === undefined || each.dev === dev),
      );
      const link = links?.find(({ ifname }) => ifname === dev);
      return via === undefined
        ? { tenant: name, gateway: dev ?? "", state: link?.operstate ?? "none" }
        : { tenant: name, gateway: via, state: entry?.state?.join(",") ?? "none" };
    }),
  );
}

function listOf(json: string): readonly IpEntry[] {
  return json.trim() === "" ? [] : (JSON.parse(json) as readonly IpEntry[]);
}

function toJson(path: string, loads: readonly Load[]): string {
  const tenants = loads.map(({ mark, ...load }) => ({ ...load, mark: formatMark(mark) }));
  return `${JSON.stringify({ conf: path, tenants }, (_key, value: unknown) => value ?? null, 2)}\n`;
}

function toText(loads: readonly Load[]): string {
  if (loads.length === 0) return "no tenant in the conflist, and no mark in force\n";
  return formatTable(
    ["TENANT", "MARK", "PODS", "PACKETS/s", "BYTES/s", "PACKETS", "LEAKED", "GATEWAYS"],
    loads.map((load) => [
      load.tenant ?? "-",
      formatMark(load.mark),
      String(load.pods),
      load.packetsPerSecond.toFixed(0),
      formatBytes(load.bytesPerSecond),
      String(load.packets),
      load.leaked === undefined ? "-" : String(load.leaked),
      load.gateways.map(({ gateway, state }) => `${gateway} ${state}`).join(", ") || "-",
    ]),
  );
}
