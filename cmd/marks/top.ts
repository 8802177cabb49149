import { setTimeout as pause } from "node:timers/promises";
import { formatMark } from "../../lib/net/mark";
import { loadsOf, type Load, type Sample } from "../../lib/load/rates";
import { takeSample } from "../../lib/load/sample";
import { createPrograms } from "../../lib/node/programs";
import { formatTable } from "../../lib/text/table";
import { formatBytes } from "../../lib/text/units";
import { mayHaveGuard, newRunner } from "../backends";
import { outputFormat, type RunCommand } from "../command";
import { countLeaked } from "../leaks";
import { keepShowing } from "../screen/watch";
import { withSignOfLife } from "../screen/waiting";
import { openMarks, type Opened } from "./open";

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

function sampler({ conf, node }: Opened): () => Promise<Sample> {
  const { exec, journal, clock } = node;
  const runner = newRunner(conf, { exec });
  const isGuarded = mayHaveGuard(conf.dataDir) && runner.has();
  const ports = {
    ...{ journal, clock, marks: node.backend.open({}), programs: createPrograms(exec) },
    dropped: async () => (isGuarded ? countLeaked(runner) : undefined),
  };
  return () => takeSample(conf, ports);
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
