import { createMetrics, type Metrics } from "../../../../../lib/agent/metrics/registry";
import { SERIES, type SeriesName } from "../../../../../lib/agent/metrics/series";
import type { MarkCounter, MetricsSources } from "../../../../../lib/agent/metrics/sources";
import { namingProblems, readExposition, type ReadSeries } from "../../../../helpers/exposition";

const RED = { value: 0x10, mask: 0xff };
const BLUE = { value: 0x20, mask: 0xff };
const NOBODY = { value: 0x30, mask: 0xff };
const LEAST: MetricsSources = {
  build: { version: "1.2.3", commit: "abc" },
  queue: () => ({ active: 2, waiting: 3 }),
  tenantOf: ({ value }) => ({ 0x10: "red", 0x20: 'b"l\\u\ne' })[value],
};
const ALL: MetricsSources = {
  ...LEAST,
  cache: { ages: () => ({ pods: 1.5, namespaces: 2 }), isSynced: () => true },
  apiRequests: () => [{ resource: "pods", method: "WATCH", code: "410", count: 4 }],
  marks: { wanted: () => 7, installed: () => ({ nft: 5, nftables: 1 }) },
  repairs: () => ({ mark: 3 }),
  refusedAnnotations: () => 1,
  traffic: async () => [
    { mark: RED, packets: 10, bytes: 1000 },
    { mark: BLUE, packets: 1, bytes: 60 },
    { mark: RED, packets: 5, bytes: 500 },
    { mark: NOBODY, packets: 2, bytes: 2 },
  ],
  leaks: async () => [
    { reason: "no_mark", mark: RED, packets: 9, bytes: 900 },
    { reason: "default_route", mark: RED, packets: 2, bytes: 200 },
  ],
  gateways: () => [
    { tenant: "red", gateway: "10.0.0.1 dev eth1", isUp: true },
    { tenant: "red", gateway: "10.0.0.2", isUp: false },
  ],
  failovers: () => ({ red: 2 }),
  ready: async () => true,
  findings: () => ({
    ageSeconds: 3,
    findings: [
      { code: "TR0611", severity: "failed" },
      { code: "TR0611", severity: "failed" },
      { code: "TR0703", severity: "warning" },
    ],
  }),
};

let metrics: Metrics;
const open = (sources: MetricsSources): Metrics => (metrics = createMetrics(sources));
afterEach(() => metrics.stop());

const read = async (): Promise<Readonly<Record<string, ReadSeries>>> =>
  readExposition(await metrics.text());

/** All samples by name and labels. */
async function samples(): Promise<Readonly<Record<string, number>>> {
  return Object.assign({}, ...Object.values(await read()).map((each) => each.samples));
}

test("every series of the table is there when every source is, with its type and help", async () => {
  open(ALL);
  const series = await read();
  expect(Object.keys(series).sort()).toEqual(Object.keys(SERIES).sort());
  for (const [name, { type, help }] of Object.entries(SERIES))
    expect(series[name]).toMatchObject({ type, help });
  expect(namingProblems(series)).toEqual([]);
});

test("what the sources say is what is shown", async () => {
  open(ALL);
  expect(await samples()).toMatchObject({
    tenant_routing_requests_active: 2,
    tenant_routing_queue_length: 3,
    'tenant_routing_cache_age_seconds{resource="pods"}': 1.5,
    'tenant_routing_cache_age_seconds{resource="namespaces"}': 2,
    tenant_routing_cache_synced: 1,
    'tenant_routing_api_requests_total{resource="pods",method="WATCH",code="410"}': 4,
    tenant_routing_marks_wanted: 7,
    'tenant_routing_marks_installed{backend="nft"}': 5,
    'tenant_routing_marks_installed{backend="nftables"}': 1,
    'tenant_routing_repairs_total{kind="mark"}': 3,
    tenant_routing_refused_annotations: 1,
    'tenant_routing_tenant_packets_total{tenant="red"}': 15,
    'tenant_routing_tenant_bytes_total{tenant="red"}': 1500,
    'tenant_routing_tenant_packets_total{tenant="b\\"l\\\\u\\ne"}': 1,
    'tenant_routing_tenant_packets_total{tenant="0x30/0xff"}': 2,
    'tenant_routing_leaked_packets_total{tenant="red",reason="no_mark"}': 9,
    'tenant_routing_leaked_packets_total{tenant="red",reason="default_route"}': 2,
    'tenant_routing_gateway_up{tenant="red",gateway="10.0.0.1 dev eth1"}': 1,
    'tenant_routing_gateway_up{tenant="red",gateway="10.0.0.2"}': 0,
    'tenant_routing_failovers_total{tenant="red"}': 2,
    'tenant_routing_findings{code="TR0611",severity="failed"}': 2,
    'tenant_routing_findings{code="TR0703",severity="warning"}': 1,
    tenant_routing_findings_age_seconds: 3,
    tenant_routing_ready: 1,
    'tenant_routing_source_errors_total{source="traffic"}': 0,
    'tenant_routing_build_info{version="1.2.3",commit="abc"}': 1,
  });
});

test("a subsystem that is off has no series", async () => {
  open(LEAST);
  const optional: readonly RegExp[] = [
    /cache|api_|marks|repairs|refused/,
    /tenant_[pb]|leaked|gateway|failovers|source_/,
  ];
  expect(
    Object.keys(await read()).filter((name) =>
      optional.some((each) => each.test(name.replace(/^tenant_routing_/, ""))),
    ),
  ).toEqual([]);
});

test("the process is shown as /proc has it", async () => {
  open(LEAST);
  const shown = await samples();
  expect(shown["process_resident_memory_bytes"]).toBeGreaterThan(10e6);
  expect(shown["process_open_fds"]).toBeGreaterThan(2);
  expect(shown["process_max_fds"]).toBeGreaterThan(2);
  expect(shown["process_cpu_seconds_total"]).toBeGreaterThan(0);
  expect(shown["nodejs_heap_size_used_bytes"]).toBeGreaterThan(1e6);
  const start = (shown["process_start_time_seconds"] ?? 0) * 1000;
  expect(Math.abs(start - (Date.now() - process.uptime() * 1000))).toBeLessThan(60_000);
});

test("requests are counted by verb and outcome, with their time and their wait", async () => {
  open(LEAST);
  const report = { verb: "ADD", code: undefined, seconds: 0.03, waitedSeconds: 0.002 };
  metrics.requestEnded(report);
  metrics.requestEnded({ ...report, code: 11, seconds: 40, waitedSeconds: 30 });
  metrics.requestEnded({ ...report, code: 4711 });
  metrics.requestEnded({ verb: undefined, code: 4, seconds: 0, waitedSeconds: undefined });
  expect(await samples()).toMatchObject({
    'tenant_routing_requests_total{verb="ADD",outcome="ok"}': 1,
    'tenant_routing_requests_total{verb="ADD",outcome="11"}': 1,
    'tenant_routing_requests_total{verb="ADD",outcome="other"}': 1,
    'tenant_routing_requests_total{verb="unknown",outcome="4"}': 1,
    'tenant_routing_request_duration_seconds_bucket{le="0.05",verb="ADD"}': 2,
    'tenant_routing_request_duration_seconds_count{verb="ADD"}': 3,
    tenant_routing_request_queue_duration_seconds_count: 3,
  });
});

describe("over time", () => {
  beforeEach(() => jest.useFakeTimers({ now: 0 }));
  afterEach(() => jest.useRealTimers());
  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  test("the text is made at most five times a second, whoever asks", async () => {
    let asked = 0;
    open({ ...LEAST, queue: () => ({ active: ++asked, waiting: 0 }) });
    await Promise.all([metrics.text(), metrics.text()]);
    await metrics.text();
    expect(asked).toBe(1);
    await pass(201);
    await metrics.text();
    expect(asked).toBe(2);
  });

  test("a series whose subject is gone is not shown any more", async () => {
    let gateways = [{ tenant: "red", gateway: "a", isUp: true }];
    open({ ...LEAST, gateways: () => gateways });
    expect(Object.keys(await samples())).toContain(
      'tenant_routing_gateway_up{tenant="red",gateway="a"}',
    );
    gateways = [];
    await pass(201);
    expect(Object.keys(await samples()).filter((name) => /gateway/.test(name))).toEqual([]);
  });

  test("counters that cannot be read keep their values, and the failure is counted", async () => {
    let fail = false;
    const traffic = async (): Promise<readonly MarkCounter[]> => {
      if (fail) throw new Error("nft is gone");
      return [{ mark: RED, packets: 1, bytes: 2 }];
    };
    open({ ...LEAST, traffic });
    await metrics.text();
    fail = true;
    await pass(5001);
    expect(await samples()).toMatchObject({
      'tenant_routing_tenant_packets_total{tenant="red"}': 1,
      'tenant_routing_source_errors_total{source="traffic"}': 1,
    });
  });

  test("a scrape waits a second for slow counters, then shows what is known", async () => {
    let answer = (_: readonly MarkCounter[]): void => {};
    open({ ...LEAST, leaks: () => new Promise((resolve) => (answer = resolve)) });
    const first = metrics.text();
    await pass(999);
    const early = await Promise.race([first, Promise.resolve("waits")]);
    expect(early).toBe("waits");
    await pass(2);
    expect(Object.keys(readExposition(await first))).not.toContain(
      "tenant_routing_leaked_packets_total" satisfies SeriesName,
    );
    answer([{ mark: RED, packets: 3, bytes: 0 }]);
    await pass(201);
    expect(await samples()).toMatchObject({
      'tenant_routing_leaked_packets_total{tenant="red"}': 3,
    });
  });

  test("how late the event loop is, is measured", async () => {
    open(LEAST);
    await pass(1000);
    expect((await samples())["tenant_routing_event_loop_lag_seconds_count"]).toBe(5);
    metrics.stop();
    await pass(1000);
    expect((await samples())["tenant_routing_event_loop_lag_seconds_count"]).toBe(5);
  });
});
