/** What stands beside and below the picture: details, findings, the time line. */
import type { EventObject } from "../events";
import type { FindingsObject } from "../site";
import { byId, html, keyed, set, setText } from "./dom";
import type { Box } from "./shapes";
import { clean, count, timeOfDay } from "./words";

type Finding = NonNullable<FindingsObject["report"]>["findings"][number];

/** Events that the time line shows. */
const MOST_EVENTS = 40;

/** The box that was chosen. */
export function showDetails(box: Box | undefined): void {
  const rows = box === undefined ? [] : box.details;
  byId("hint").hidden = rows.length > 0;
  keyed(byId("details"), rows, {
    key: ([term]) => term,
    make: () => {
      const row = html("div");
      row.append(html("dt"), html("dd"));
      return row;
    },
    update: (row, [term, text]) => {
      const [name, value] = row.children;
      if (name) setText(name, term);
      if (value) setText(value, clean(text));
    },
  });
}

/** Findings, the worst first, and what could not be looked at. */
export function showFindings({ time, problem, report }: FindingsObject): void {
  const findings = report?.findings ?? [];
  const [state, text] = verdictOf(report);
  set(byId("verdict"), { class: `verdict ${state}` });
  setText(byId("verdict"), text);
  const blind = report?.categories.flatMap(({ couldNotLook }) => couldNotLook) ?? [];
  const notes = [
    time === null ? "" : `Looked at ${timeOfDay(time)}.`,
    problem === null ? "" : `The last look failed: ${clean(problem)}.`,
    ...blind.map(({ check, why }) => `Could not look at ${clean(check)}: ${clean(why)}.`),
  ];
  setText(byId("looked"), notes.filter((note) => note !== "").join(" "));
  keyed(byId("findings"), findings, {
    key: ({ code, subject, fault }) => `${code} ${subject ?? ""} ${fault}`,
    make: makeFinding,
    update: updateFinding,
  });
}

function verdictOf(report: FindingsObject["report"]): readonly [state: string, text: string] {
  if (report === null) return ["waiting", "Looking at the node..."];
  const of = (wanted: Finding["severity"]): number =>
    report.findings.filter(({ severity }) => severity === wanted).length;
  const [failed, warnings] = [of("failed"), of("warning")];
  const words = [
    failed > 0 ? `${failed} failed` : "",
    warnings > 0 ? count(warnings, "warning") : "",
  ].filter((word) => word !== "");
  if (words.length === 0) return ["ok", "Nothing is wrong"];
  return [failed > 0 ? "failed" : "warning", words.join(", ")];
}

function makeFinding({ severity, code }: Finding): HTMLLIElement {
  const item = html("li", `finding ${severity}`);
  const head = html("p", "fault");
  head.append(html("span", "badge", severity), html("code", "code", code), html("span", "text"));
  const remedy = html("p", "remedy");
  remedy.append(html("span", "fix", "Fix"), html("code", "command"));
  item.append(head, html("p", "consequence"), remedy);
  return item;
}

function updateFinding(item: HTMLLIElement, { fault, consequence, remedy }: Finding): void {
  for (const [name, text] of [
    [".text", fault],
    [".consequence", consequence],
    [".command", remedy],
  ] as const) {
    const element = item.querySelector(name);
    if (element !== null) setText(element, clean(text));
  }
}

/** What the agent says is wrong now, besides the checks. */
export function showConditions(conditions: readonly string[]): void {
  byId("conditions-heading").hidden = conditions.length === 0;
  keyed(byId("conditions"), conditions, {
    key: (text) => text,
    make: () => html("li"),
    update: (item, text) => setText(item, clean(text)),
  });
}

const KINDS: Readonly<Record<EventObject["kind"], string>> = {
  start: "start",
  stop: "stop",
  reload: "conflist",
  repair: "repair",
  change: "change",
  lost: "lost",
  back: "back",
  condition: "trouble",
  collect: "cleaned up",
};

/** The newest first. */
export function showEvents(events: readonly EventObject[]): void {
  const newest = [...events].reverse().slice(0, MOST_EVENTS);
  byId("no-events").hidden = newest.length > 0;
  keyed(byId("events"), newest, {
    key: ({ id }) => String(id),
    make: ({ kind, time, message }) => {
      const item = html("li", `event ${kind}`);
      item.title = clean(message);
      const at = html("time", "", timeOfDay(time));
      at.dateTime = time;
      item.append(at, html("span", "kind", KINDS[kind]), html("span", "what", clean(message)));
      return item;
    },
    update: () => {},
  });
}
