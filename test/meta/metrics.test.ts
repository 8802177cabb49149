/** docs/metrics.md and the alerts against the series of the code. */
import { parse } from "yaml";
import { SERIES, type Series } from "../../lib/agent/metrics/series";
import { read } from "../helpers/pages";

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

test("alerts and the page name only series and labels that there are", () => {
  const suffixes = ["", "_bucket", "_sum", "_count"];
  const known = Object.keys(SERIES).flatMap((name) => suffixes.map((suffix) => name + suffix));
  const named = [...(PAGE + ALERTS).matchAll(/\btenant_routing_\w+/g)].map(([name]) => name);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
  const labels = [...ALERTS.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label);
  const ours = Object.values<Series>(SERIES).flatMap((series) => series.labels);
  expect(labels.filter((label) => ![...ours, "instance"].includes(label))).toEqual([]);
});

test("every alert has a name of its own, a severity and a summary", () => {
  const { groups } = parse(ALERTS) as {
    groups: { rules: { alert: string; expr: string; labels: object; annotations: object }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const rule of rules)
    expect(rule).toMatchObject({
      alert: expect.stringMatching(/^TenantRouting[A-Za-z]+$/),
      expr: expect.any(String),
      labels: { severity: expect.stringMatching(/^(critical|warning|info)$/) },
      annotations: { summary: expect.stringContaining("$labels.instance") },
    });
});
