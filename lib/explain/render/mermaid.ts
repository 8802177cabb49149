/** Pure: an explanation as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html). */
import type { Explanation } from "../model";
import { boxesOf, PAINT } from "./picture";

/** One flowchart for each path. */
export function toMermaid(explanations: readonly Explanation[]): string {
  const lines = explanations.flatMap((explanation, path) => {
    const boxes = boxesOf(explanation);
    const id = (i: number): string => `p${path}s${i}`;
    return boxes.flatMap(({ title, lines: below, state }, i) => [
      `  ${id(i)}["${[`<b>${entities(title)}</b>`, ...below.map(entities)].join("<br/>")}"]:::${state}`,
      ...(i === 0 ? [] : [`  ${id(i - 1)} --> ${id(i)}`]),
    ]);
  });
  const classes = Object.entries(PAINT).map(
    ([state, { fill, line }]) => `  classDef ${state} fill:${fill},stroke:${line},color:#1a202c`,
  );
  return `${["flowchart TD", ...lines, ...classes].join("\n")}\n`;
}

/** Mermaid writes a character by its number as `#34;`. */
function entities(text: string): string {
  return text
    .replace(/[#&<>"'`]/g, (character) => `#${character.charCodeAt(0)};`)
    .replace(/[\p{Cc}\p{Cf}]/gu, "?");
}
