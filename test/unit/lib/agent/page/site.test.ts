import { createHash } from "node:crypto";
import type { Page } from "../../../../../lib/agent/metrics/http";
import { createEvents } from "../../../../../lib/agent/page/events";
import { createSite, type SiteSources } from "../../../../../lib/agent/page/site";
import { statusObject } from "../../../../../lib/checks/report/json";
import { apiProblems } from "./schema";

const clock = { now: () => new Date(0) };
const events = createEvents(clock);
events.add({ kind: "back", message: "m", tenant: "a" });
const SOURCES: SiteSources = {
  node: async () => ({
    ...{ time: new Date(0).toISOString(), node: "n", version: "1", conf: "/x", interval: null },
    ...{ groups: [], conditions: [], lastEvent: 1 },
  }),
  findings: () => ({ time: null, problem: null, report: null }),
  events: () => ({ events: events.list() }),
};
const site = createSite(SOURCES);

async function pageAt(path: string): Promise<Page> {
  const make = site[path];
  if (make === undefined) throw new Error(`no ${path}`);
  return make();
}

/** What is in the page's only element of this name. */
function within(text: string, element: string): string {
  return text.split(`<${element}>`)[1]?.split(`</${element}>`)[0] ?? "";
}

test("the page runs its own script and style and nothing else, and asks only its own agent", async () => {
  const page = await pageAt("/");
  const { headers, text } = page;
  expect(page).toMatchObject({ status: 200, type: "text/html; charset=utf-8" });
  const hash = (element: string): string =>
    `'sha256-${createHash("sha256").update(within(text, element)).digest("base64")}'`;
  expect(headers?.["content-security-policy"]?.split("; ").sort()).toEqual(
    [
      ...["default-src 'none'", "connect-src 'self'", "img-src data:", "base-uri 'none'"],
      ...["form-action 'none'", "frame-ancestors 'none'"],
      ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
      ...[`script-src ${hash("script")}`, `style-src ${hash("style")}`],
    ].sort(),
  );
  expect(text.match(/<(script|style)\b/g)).toEqual(["<style", "<script"]);
  expect(text).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  expect(text).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|\son\w+=/);
});

test.each(["node", "findings", "events"] as const)(
  "/api/v1/%s is as the schema says",
  async (name) => {
    const page = await pageAt(`/api/v1/${name}`);
    expect(page).toMatchObject({
      ...{ status: 200, type: "application/json" },
      headers: { "content-security-policy": "default-src 'none'", connection: "close" },
    });
    expect(apiProblems(name, JSON.parse(page.text))).toEqual([]);
  },
);

test("findings with a report are as the schema says, and others are refused by it", () => {
  const report = statusObject("/x", []);
  const findings = { time: new Date(0).toISOString(), problem: "why", report };
  expect(apiProblems("findings", findings)).toEqual([]);
  expect(apiProblems("findings", { ...findings, report: {} })).not.toEqual([]);
  expect(apiProblems("events", { events: [{ id: 0 }] })).not.toEqual([]);
});
