import { setTimeout as pause } from "node:timers/promises";
import { createGuard } from "../../lib/marks/nftables/guard";
import { formatMark } from "../../lib/net/mark";
import { loadsOf, type Load, type Sample } from "../../lib/load/rates";
import { takeSample } from "../../lib/load/sample";
import { createPrograms } from "../../lib/node/programs";
import { formatTable } from "../../lib/text/table";
import { formatBytes } from "../../lib/text/units";
import { mayHaveGuard, newRunner } from "../backends";
import { outputFormat, type RunCommand } from "../command";
import type { Io } from "../io";
import { openMarks, type Opened } from "./open";

/** Between two samples (ms). */
const EACH_MS = 1000;
/** To the top left, and what is below goes (ECMA-48). */
const CLEAR = "\u001b[H\u001b[2J";

/**
 * `wrapper top`: what each tenant sends now. On a terminal again every second until SIGINT or SIGTERM, else once.
 * Returns 0; throws when the marks cannot be listed.
 */
export const topCommand: RunCommand = async (io, _positionals, values) => {
  const isJson = outputFormat(values) === "json";
  const opened = openMarks(io, values);
  const sample = sampler(opened);
  const first = await sample();
  if (isJson || values.once === true || !process.stdout.isTTY) {
    await pause(EACH_MS);
    const loads = loadsOf(opened.conf, first, await sample());
    io.stdout(isJson ? toJson(opened.path, loads) : toText(loads));
    return 0;
  }
  await keepShowing(io, opened, sample, first);
  return 0;
};

async function keepShowing(
  io: Io,
  { conf, path }: Opened,
  sample: () => Promise<Sample>,
  first: Sample,
): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  let before = first;
  for (;;) {
    const isOver = await pause(EACH_MS, false, { signal: stop.signal }).catch(() => true);
    if (isOver) return;
    const now = await sample();
    io.coloured(CLEAR);
    io.stdout(`${path}, every second; Ctrl-C ends it\n\n${toText(loadsOf(conf, before, now))}`);
    before = now;
  }
}

function sampler({ conf, node }: Opened): () => Promise<Sample> {
  const { exec, journal, clock } = node;
  const runner = newRunner(conf, { exec });
  const guard = mayHaveGuard(conf.dataDir) && runner.has() ? createGuard(runner) : undefined;
  const ports = {
    ...{ journal, clock, marks: node.backend.open({}), programs: createPrograms(exec) },
    dropped: async () => (await guard?.list())?.dropped,
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
