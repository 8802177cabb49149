/** The alerts and the dashboard's queries, judged and carried out by Prometheus' own tool. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../../helpers/pages";
import { PANELS, RULES } from "../../helpers/watching";

const OWN = join(ROOT, "dist/tools/promtool");
const CASES = join(__dirname, "alerts.test.yaml");

function promtool(...args: readonly string[]): { status: number | null; said: string } {
  const { status, stdout, stderr, error } = spawnSync(existsSync(OWN) ? OWN : "promtool", args, {
    cwd: ROOT,
    encoding: "utf8",
  });
  return { status, said: `${String(error ?? "")}${stdout}${stderr}` };
}

test("promtool takes the rule file, every rule of it", () => {
  expect(promtool("check", "rules", "manifests/prometheus-rules.yaml")).toEqual({
    status: 0,
    said: expect.stringContaining(`SUCCESS: ${RULES.length} rules found`) as string,
  });
});

test("each alert fires when it has to, with its text, and does not when it must not", () => {
  expect(promtool("test", "rules", CASES)).toEqual({
    status: 0,
    said: expect.stringMatching(/SUCCESS\s*$/) as string,
  });
  const { tests } = parse(readFileSync(CASES, "utf8")) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const cases = tests.flatMap((each) => each.alert_rule_test);
  for (const { alert } of RULES) {
    const counts = cases
      .filter(({ alertname }) => alertname === alert)
      .map(({ exp_alerts: fired }) => fired.length);
    expect([alert, counts.includes(0), counts.some((count) => count > 0)]).toEqual([
      ...[alert, true, true],
    ]);
  }
});

test("a case that is wrong is seen", () => {
  const dir = mkdtempSync(join(tmpdir(), "alerts-"));
  try {
    const text = readFileSync(CASES, "utf8");
    const rules = join(ROOT, "manifests/prometheus-rules.yaml");
    const changed = text
      .replace(/^  - \.\..*$/m, `  - ${rules}`)
      .replace("on n1 has started 30", "");
    writeFileSync(join(dir, "cases.yaml"), changed);
    expect(promtool("test", "rules", join(dir, "cases.yaml")).status).toBe(1);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("every query of the dashboard is one that Prometheus understands", () => {
  const queries = PANELS.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const rules = queries.map((expr, n) => ({
    record: `panel:${n}`,
    expr: expr.replaceAll("$__rate_interval", "5m"),
  }));
  const dir = mkdtempSync(join(tmpdir(), "dashboard-"));
  try {
    const file = join(dir, "queries.yaml");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    expect(promtool("check", "rules", file)).toEqual({
      status: 0,
      said: expect.stringContaining(`SUCCESS: ${queries.length} rules found`) as string,
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
