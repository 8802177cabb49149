/** All series as one text; the sole importer of prom-client. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { ERRORS } from "../../cni/error";
import { formatMark, type Mark } from "../../net/mark";
import { createAccumulator, type Accumulator } from "./accumulate";
import { processFigures, watchLag } from "./process";
import { remember, settled } from "./remember";
import { SERIES, type Series, type SeriesName } from "./series";
import type { MetricsSources, ReadCounters, RequestReport, SeenFindings } from "./sources";

/** The text is made at most that often (ms), whoever asks: making it stops everything else for a moment. */
const TEXT_MS = 200;
/** Counters of the firewall, and readiness, are read at most that often (ms): that runs a program. */
const COUNTERS_MS = 5000;
/** How long a scrape waits for them (ms); after that it has the values before. */
const PATIENCE_MS = 1000;

export interface Metrics {
  /** MIME type of the text. */
  readonly contentType: string;
  /** All series in Prometheus' text format. */
  text(): Promise<string>;
  requestEnded(report: RequestReport): void;
  stop(): void;
}

/** Labels with their value. */
type Sample = readonly [Readonly<Record<string, string>>, number];

/** The registry of one agent. */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const series = new Writer(registry);
  const requests = requestSeries(series);
  const refresh = counterReaders(sources, series);
  const refreshReady = readyReader(sources, series);
  const lag = series.histogram("tenant_routing_event_loop_lag_seconds");
  const watch = watchLag((seconds) => lag.observe(seconds));
  series.write("tenant_routing_build_info", [[{ ...sources.build }, 1]]);
  return {
    contentType: registry.contentType,
    text: remember(TEXT_MS, async () => {
      await Promise.all([refresh(), refreshReady()]);
      for (const [name, value] of Object.entries(processFigures()))
        series.write(name as SeriesName, [[{}, value]]);
      for (const [name, samples] of ownFigures(sources)) series.write(name, samples);
      return registry.metrics();
    }),
    requestEnded: requests,
    stop: () => watch.stop(),
  };
}

/** Makes series when they first have a value, so that those of a subsystem that is off are left out. */
class Writer {
  private readonly values = new Map<SeriesName, Counter | Gauge>();

  constructor(private readonly registry: Registry) {}

  /** Exactly these samples, from now on. */
  write(name: SeriesName, samples: readonly Sample[]): void {
    if (samples.length === 0 && !this.values.has(name)) return;
    const metric = this.values.get(name) ?? this.make(name);
    metric.reset();
    for (const [labels, value] of samples) metric.inc(labels, value);
  }

  counter(name: SeriesName): Counter {
    return new Counter(this.options(name));
  }

  histogram(name: SeriesName): Histogram {
    const { buckets = [] }: Series = SERIES[name];
    return new Histogram({ ...this.options(name), buckets: [...buckets] });
  }

  private make(name: SeriesName): Counter | Gauge {
    const options = this.options(name);
    const metric = SERIES[name].type === "counter" ? new Counter(options) : new Gauge(options);
    this.values.set(name, metric);
    return metric;
  }

  private options(name: SeriesName) {
    const { help, labels } = SERIES[name];
    return { name, help, labelNames: [...labels], registers: [this.registry] };
  }
}

const KNOWN_CODES: readonly number[] = Object.values(ERRORS).map(({ code }) => code);

function requestSeries(series: Writer): (report: RequestReport) => void {
  const total = series.counter("tenant_routing_requests_total");
  const duration = series.histogram("tenant_routing_request_duration_seconds");
  const queued = series.histogram("tenant_routing_request_queue_duration_seconds");
  return ({ verb = "unknown", code, seconds, waitedSeconds }) => {
    total.inc({ verb, outcome: outcomeOf(code) });
    duration.observe({ verb }, seconds);
    if (waitedSeconds !== undefined) queued.observe(waitedSeconds);
  };
}

// A delegate's error keeps its code, which may be any number: not a series for each.
function outcomeOf(code: number | undefined): string {
  if (code === undefined) return "ok";
  return KNOWN_CODES.includes(code) ? String(code) : "other";
}

/** What the sources say now, without waiting. */
function* ownFigures(sources: MetricsSources): Generator<[SeriesName, readonly Sample[]]> {
  const { queue, cache, apiRequests, marks, repairs } = sources;
  const { refusedAnnotations, gateways, failovers } = sources;
  const { active, waiting } = queue();
  yield ["tenant_routing_requests_active", [[{}, active]]];
  yield ["tenant_routing_queue_length", [[{}, waiting]]];
  if (cache !== undefined) {
    yield ["tenant_routing_cache_age_seconds", byLabel("resource", cache.ages())];
    yield ["tenant_routing_cache_synced", [[{}, Number(cache.isSynced())]]];
  }
  if (apiRequests !== undefined)
    yield [
      "tenant_routing_api_requests_total",
      apiRequests().map(({ count, ...labels }) => [labels, count]),
    ];
  if (marks !== undefined) {
    yield ["tenant_routing_marks_wanted", [[{}, marks.wanted()]]];
    yield ["tenant_routing_marks_installed", byLabel("backend", marks.installed())];
  }
  if (repairs !== undefined) yield ["tenant_routing_repairs_total", byLabel("kind", repairs())];
  if (refusedAnnotations !== undefined)
    yield ["tenant_routing_refused_annotations", [[{}, refusedAnnotations()]]];
  if (gateways !== undefined)
    yield [
      "tenant_routing_gateway_up",
      gateways().map(({ tenant, gateway, isUp }) => [{ tenant, gateway }, Number(isUp)]),
    ];
  if (failovers !== undefined)
    yield ["tenant_routing_failovers_total", byLabel("tenant", failovers())];
  yield* findingFigures(sources.findings?.());
}

function* findingFigures(
  seen: SeenFindings | undefined,
): Generator<[SeriesName, readonly Sample[]]> {
  const { findings = [], ageSeconds } = seen ?? {};
  yield ["tenant_routing_findings", findings.map(({ code, severity }) => [{ code, severity }, 1])];
  yield ["tenant_routing_findings_age_seconds", ageSeconds === undefined ? [] : [[{}, ageSeconds]]];
}

function byLabel(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([key, value]) => [{ [label]: key }, value]);
}

/** Reads the firewall's counters, where there are any; resolves when they are written, or take too long. */
function counterReaders(
  { traffic, leaks, tenantOf }: MetricsSources,
  series: Writer,
): () => Promise<void> {
  const failures: Record<string, number> = {};
  const reader = (source: string, read: ReadCounters, onTotals: (all: Accumulator) => void) => {
    const all = createAccumulator();
    failures[source] = 0;
    return remember(COUNTERS_MS, async () => {
      try {
        all.add(await read());
        onTotals(all);
      } catch {
        failures[source] = (failures[source] ?? 0) + 1;
      }
    });
  };
  const samples = (all: Accumulator, what: "packets" | "bytes"): readonly Sample[] =>
    all.totals().map(({ mark, reason, ...counted }) => {
      const labels = {
        tenant: nameOf(mark, tenantOf),
        ...(reason === undefined ? {} : { reason }),
      };
      return [labels, counted[what]];
    });
  const readers = [
    traffic &&
      reader("traffic", traffic, (all) => {
        series.write("tenant_routing_tenant_packets_total", samples(all, "packets"));
        series.write("tenant_routing_tenant_bytes_total", samples(all, "bytes"));
      }),
    leaks &&
      reader("leaks", leaks, (all) =>
        series.write("tenant_routing_leaked_packets_total", samples(all, "packets")),
      ),
  ].filter((each) => each !== undefined);
  return async () => {
    if (readers.length === 0) return;
    await settled(Promise.all(readers.map((read) => read())), PATIENCE_MS);
    series.write("tenant_routing_source_errors_total", byLabel("source", failures));
  };
}

/** Asks whether the agent is ready; resolves when that is written, or takes too long. */
function readyReader({ ready }: MetricsSources, series: Writer): () => Promise<void> {
  if (ready === undefined) return async () => {};
  const read = remember(COUNTERS_MS, async () => {
    const isReady = await ready().catch(() => false);
    series.write("tenant_routing_ready", [[{}, Number(isReady)]]);
  });
  return () => settled(read(), PATIENCE_MS);
}

function nameOf(mark: Mark, tenantOf: MetricsSources["tenantOf"]): string {
  return tenantOf(mark) ?? formatMark(mark);
}
