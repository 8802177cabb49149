/** Asks the agent again and again, for as long as somebody can see the page. */
import type { EventsObject, FindingsObject } from "../site";
import type { NodeObject } from "../node-object";
import { byId, set, setText } from "./dom";
import { showConditions, showDetails, showEvents, showFindings } from "./panels";
import { drawPicture } from "./picture";
import { startTheme } from "./theme";
import { clean, timeOfDay } from "./words";

/** Between an answer and the next question (ms). */
const EACH_MS = 1000;
/** Findings change slowly (ms). */
const FINDINGS_MS = 5000;
/** Until the first look at everything has ended, sooner (ms). */
const FIRST_FINDINGS_MS = 1000;
/** The agent is given up for this time (ms). */
const PATIENCE_MS = 10_000;

let seenEvent = -1;
let findingsDue = 0;
let answered = "";

async function ask<T>(path: string): Promise<T> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(`api/v1/${path}`, { signal, cache: "no-store" });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as T;
}

async function look(): Promise<void> {
  const node = await ask<NodeObject>("node");
  answered = node.time;
  setText(byId("node"), clean(node.node));
  document.title = `${clean(node.node)}: tenant routing`;
  setText(byId("about"), `${clean(node.conf)}, wrapper ${clean(node.version)}`);
  byId("empty").hidden = node.groups.length > 0;
  drawPicture(node, showDetails);
  showConditions(node.conditions);
  if (node.lastEvent !== seenEvent) {
    showEvents((await ask<EventsObject>("events")).events);
    seenEvent = node.lastEvent;
  }
  if (performance.now() >= findingsDue) {
    const findings = await ask<FindingsObject>("findings");
    findingsDue = performance.now() + (findings.report === null ? FIRST_FINDINGS_MS : FINDINGS_MS);
    showFindings(findings);
  }
}

async function lookAgain(): Promise<void> {
  const live = byId("live");
  try {
    if (!document.hidden) await look();
    set(live, { class: "live" });
    setText(live, answered === "" ? "" : `Live, ${timeOfDay(answered)}`);
    byId("trouble").hidden = true;
  } catch (error) {
    set(live, { class: "live stale" });
    setText(live, "Not live");
    const since = answered === "" ? "" : ` What is shown is from ${timeOfDay(answered)}.`;
    setText(byId("trouble"), `The agent does not answer: ${clean(String(error))}.${since}`);
    byId("trouble").hidden = false;
  }
  setTimeout(() => void lookAgain(), EACH_MS);
}

startTheme();
void lookAgain();
