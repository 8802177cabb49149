/** Pure: an explanation in the language of Graphviz (https://graphviz.org/doc/info/lang.html). */
import type { Explanation } from "../model";
import { boxesOf, PAINT } from "./picture";

/** One directed graph with a chain for each path. */
export function toDot(explanations: readonly Explanation[]): string {
  const lines = explanations.flatMap((explanation, path) =>
    boxesOf(explanation).flatMap(({ title, lines: below, state }, i) => {
      const { fill, line } = PAINT[state];
      const label = [title, ...below].map(quoted).join("\\l");
      return [
        `  p${path}s${i} [label="${label}\\l", fillcolor="${fill}", color="${line}"];`,
        ...(i === 0 ? [] : [`  p${path}s${i - 1} -> p${path}s${i};`]),
      ];
    }),
  );
  const head =
    '  node [shape=box, style="filled,rounded", fontname="monospace", fontcolor="#1a202c"];';
  return `${["digraph explain {", head, ...lines, "}"].join("\n")}\n`;
}

function quoted(text: string): string {
  return text.replace(/[\\"]/g, (character) => `\\${character}`).replace(/\p{Cc}/gu, "?");
}
