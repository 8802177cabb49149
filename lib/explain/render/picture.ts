/** Pure: what the pictures show: a box for each stage of the way, from the pod to the destination. */
import { destinationText } from "../destination";
import type { Explanation, Step, StepState } from "../model";

export interface Box {
  readonly title: string;
  readonly lines: readonly string[];
  readonly state: StepState;
}

/** Characters of a line in a box, so that a picture stays readable. */
const LONGEST = 60;

/** Fill and border of a box, readable on a light and on a dark page. */
export const PAINT: Readonly<Record<StepState, { readonly fill: string; readonly line: string }>> =
  {
    ok: { fill: "#e6f4ea", line: "#1e7e34" },
    unknown: { fill: "#e7f0fa", line: "#2b6cb0" },
    warning: { fill: "#fff4d6", line: "#b7791f" },
    failed: { fill: "#fde8e8", line: "#c53030" },
  };

/** The boxes in the order of the way; the destination is the last. */
export function boxesOf({ steps, destination, state, verdict }: Explanation): readonly Box[] {
  return [
    ...steps.map(boxOf),
    { title: destinationText(destination), lines: [cut(verdict)], state },
  ];
}

function boxOf({ name, what, state, steps = [] }: Step): Box {
  const below = steps.map((step) => `${markOf(step.state)}${step.name}: ${step.what}`);
  return { title: name, lines: [what, ...below].map(cut), state };
}

function markOf(state: StepState): string {
  return state === "ok" ? "" : `${state.toUpperCase()} `;
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 3)}...`;
}

/** Text inside XML and HTML: markup and controls are escaped (XML 1.0, 2.2 and 2.4). */
export function escapeXml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    .replace(/[\p{Cc}\p{Cs}\p{Cf}\ufffe\uffff]/gu, "?");
}
