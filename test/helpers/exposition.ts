/** Reads Prometheus' text format, strictly, and judges names as `promtool check metrics` does. */
import { request } from "node:http";

export interface ReadSeries {
  readonly type: string;
  readonly help: string;
  /** By name with labels as written: `requests_total{verb="ADD"}`. */
  readonly samples: Readonly<Record<string, number>>;
}

const SAMPLE = /^([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/i;

/** Series by name. Throws for a line that no scraper would take. */
export function readExposition(text: string): Readonly<Record<string, ReadSeries>> {
  const series: Record<string, { type: string; help: string; samples: Record<string, number> }> =
    {};
  let name = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, keyword, named = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      if (named in series) throw new Error(`${named} is there twice`);
      name = named;
      series[name] = { type: "", help: rest, samples: {} };
    } else if (keyword === "TYPE") {
      Object.assign(existing(series, named), { type: rest });
    } else addSample(line, name, existing(series, name).samples);
  }
  return series;
}

function existing<T>(series: Readonly<Record<string, T>>, name: string): T {
  const found = series[name];
  if (found === undefined) throw new Error(`"${name}" has no HELP before it`);
  return found;
}

function addSample(line: string, series: string, samples: Record<string, number>): void {
  const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
  const base = name.replace(/_(bucket|sum|count)$/, "");
  if (name !== series && base !== series) throw new Error(`no sample of ${series}: ${line}`);
  if (samples[name + labels] !== undefined) throw new Error(`twice: ${line}`);
  samples[name + labels] = /^[+-]Inf$/.test(value) ? Infinity : Number(value);
}

/** What is wrong with the names, units and types. */
export function namingProblems(
  series: Readonly<Record<string, Pick<ReadSeries, "type" | "help">>>,
): readonly string[] {
  return Object.entries(series).flatMap(([name, { type, help }]) => [
    ...(/^(tenant_routing|process|nodejs)_[a-z_]+$/.test(name) ? [] : [`${name}: prefix`]),
    ...(name.endsWith("_total") === (type === "counter") ? [] : [`${name}: _total of a ${type}`]),
    ...(/_(ms|milliseconds|minutes|kilobytes|percent)(_|$)/.test(name) ? [`${name}: unit`] : []),
    ...(type === "histogram" && !/_(seconds|bytes)$/.test(name) ? [`${name}: no unit`] : []),
    ...(/_(count|sum|bucket|gauge|counter|histogram)$/.test(name) ? [`${name}: suffix`] : []),
    ...(/^[A-Z0-9].*\.$/.test(help) ? [] : [`${name}: help "${help}"`]),
  ]);
}

export interface Page {
  readonly status: number;
  readonly text: string;
}

/** A page of the agent that listens on this socket. */
export function pageOn(socket: string, path: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: socket, path, agent: false }, (response) => {
      let text = "";
      response.on("data", (piece: Buffer) => (text += piece.toString()));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asking.on("error", reject).end();
  });
}

/** All samples that it shows, by series and labels. */
export async function samplesOn(socket: string): Promise<Readonly<Record<string, number>>> {
  const series = readExposition((await pageOn(socket, "/metrics")).text);
  return Object.assign({}, ...Object.values(series).map((each) => each.samples));
}
