/** docs/metrics.md, the alerts and the dashboard against the series of the code. */
import { spawnSync } from "node:child_process";
import { parse } from "yaml";
import { SERIES, type Series, type SeriesName } from "../../lib/agent/metrics/series";
import { KINDS } from "../../lib/checks/kinds";
import { anchorsOf, DOCS, read, ROOT } from "../helpers/pages";
import { PANELS, RULES, VARIABLES } from "../helpers/watching";

const PAGE = read("docs/metrics.md");
const ALERTS = read("manifests/prometheus-rules.yaml");

test("docs/metrics.md has exactly the series of the code, with type, labels and meaning", () => {
  const rows = [...PAGE.matchAll(/^\| `(\w+)` \| (\w+) \| (.+) \| (.+) \|$/gm)].map(
    ([, name = "", type, labels = "", help]) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label), help },
    ],
  );
  const series = Object.entries<Series>(SERIES).map(([name, { type, labels, help }]) => [
    name,
    { type, labels, help },
  ]);
  expect(rows.length).toBe(series.length);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(series));
});

test("the page names only series that there are", () => {
  expect(unknownIn(PAGE.match(/\btenant_routing_\w+/g) ?? [])).toEqual([]);
});

const SUFFIXES = ["", "_bucket", "_sum", "_count"];
const TARGET = ["instance", "job"];

/** Series as Prometheus has them: a histogram is several. */
const KNOWN = new Map(
  Object.entries<Series>(SERIES).flatMap(([name, { type, labels }]) =>
    type === "histogram"
      ? SUFFIXES.slice(1).map((suffix) => [
          name + suffix,
          [...labels, ...(suffix === "_bucket" ? ["le"] : [])],
        ])
      : [[name, [...labels]]],
  ) as (readonly [string, readonly string[]])[],
);

function unknownIn(names: readonly string[]): readonly string[] {
  const plain = Object.keys(SERIES);
  return names.filter((name) => !KNOWN.has(name) && !plain.includes(name));
}

/** Queries with what is shown beside each: its legend, or the texts of an alert. */
const QUERIES: readonly (readonly [string, string, string])[] = [
  ...RULES.map((rule): [string, string, string] => [
    rule.alert,
    rule.expr,
    Object.values(rule.annotations).join(" "),
  ]),
  ...PANELS.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }): [string, string, string] => [title, expr, legendFormat]),
  ),
  ...VARIABLES.map((query): [string, string, string] => ["a variable", query, ""]),
];

test.each(QUERIES)("%s: %s has series and labels that there are", (_, query, beside) => {
  const series = query.match(/\b(?:tenant_routing|process|nodejs)_\w+|\bup\b/g) ?? [];
  expect(series).not.toEqual([]);
  const labels = new Set(TARGET);
  for (const name of series.filter((each) => each !== "up")) {
    expect([...KNOWN.keys()]).toContain(name);
    for (const label of KNOWN.get(name) ?? []) labels.add(label);
  }
  const named = [
    ...[...query.matchAll(/(\w+) ?(?:=~|!~|!=|=) ?"/g)].map(([, label]) => label),
    ...[...query.matchAll(/\b(?:by|without|on) \(([^)]*)\)/g)].flatMap(([, list = ""]) =>
      list.split(", "),
    ),
    ...[...query.matchAll(/label_values\(.*, (\w+)\)$/g)].map(([, label]) => label),
    ...[...beside.matchAll(/\$labels\.(\w+)|\{\{(\w+)\}\}/g)].map(([, one, other]) => one ?? other),
  ];
  expect(named.filter((label) => !labels.has(label ?? ""))).toEqual([]);
});

test.each(QUERIES)("%s: %s counts what only grows, and nothing else", (_, query) => {
  const grows = (name: string): boolean =>
    /_(?:bucket|sum|count)$/.test(name) || SERIES[name as SeriesName].type === "counter";
  const read = [...query.matchAll(/\b(?:rate|increase)\((\w+)/g)].map(([, name = ""]) => name);
  expect(read.filter((name) => !grows(name))).toEqual([]);
  const counters = [...KNOWN.keys()].filter((name) => grows(name) && query.includes(name));
  expect(counters.filter((name) => !read.includes(name))).toEqual(
    query.startsWith("label_values") ? counters : [],
  );
});

test("every series is in an alert or on the dashboard, but for the agent's smallest figures", () => {
  const shown = QUERIES.map(([, query]) => query).join("\n");
  const unseen = Object.keys(SERIES).filter((name) => !new RegExp(`\\b${name}`).test(shown));
  expect(unseen.filter((name) => !/^(?:process|nodejs)_/.test(name))).toEqual([]);
});

test("the dashboard: panels of their own place and number, with what they are about", () => {
  expect(new Set(PANELS.map(({ id }) => id)).size).toBe(PANELS.length);
  const places = PANELS.map(({ gridPos: { x, y } }) => `${x} ${y}`);
  expect(new Set(places).size).toBe(places.length);
  for (const { gridPos } of PANELS) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
});

const ALL_CODES = Object.values(KINDS).flatMap((area) =>
  Object.values<{ readonly code: string }>(area).map(({ code }) => code),
);

test.each(RULES.map(({ alert, annotations }) => [alert, annotations["runbook_url"] ?? ""]))(
  "the runbook of %s is there: %s",
  (_, url) => {
    const pages = url.includes("{{ $labels.code | toLower }}")
      ? ALL_CODES.map((code) => url.replace("{{ $labels.code | toLower }}", code.toLowerCase()))
      : [url];
    for (const page of pages) {
      const [file = "", anchor = ""] = page.split("#");
      expect(DOCS).toContain(file);
      expect(anchorsOf(file)).toContain(anchor);
    }
  },
);

test("what docs/metrics.md makes of the rules for the operator is a PrometheusRule", () => {
  const [, pipeline = ""] = /^(\{ cat <<[^]*?\}) \| kubectl apply -f -$/m.exec(PAGE) ?? [];
  const made = spawnSync("sh", ["-ec", pipeline], { cwd: ROOT, encoding: "utf8" });
  expect(made).toMatchObject({ status: 0, stderr: "" });
  expect(parse(made.stdout)).toEqual({
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: "tenant-routing", namespace: "monitoring" },
    spec: parse(ALERTS) as unknown,
  });
});

test("docs/metrics.md has a row for every alert, with its severity", () => {
  const rows = [...PAGE.matchAll(/^\| `(TenantRouting\w+)` \| (\w+) \| .{10}/gm)];
  expect(rows.map(([, alert, severity]) => [alert, severity])).toEqual(
    RULES.map(({ alert, labels }) => [alert, labels["severity"]]),
  );
});

test("every alert has a name of its own, a severity and a summary", () => {
  expect(new Set(RULES.map(({ alert }) => alert)).size).toBe(RULES.length);
  for (const rule of RULES)
    expect(rule).toMatchObject({
      alert: expect.stringMatching(/^TenantRouting[A-Za-z]+$/),
      expr: expect.any(String),
      labels: { severity: expect.stringMatching(/^(critical|warning|info)$/) },
      annotations: { summary: expect.stringContaining("$labels.instance") },
    });
});
