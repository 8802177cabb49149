import { styleText } from "node:util";
import type { Paint } from "../../lib/checks/report/text";

const STYLES = {
  failed: ["bold", "red"],
  warning: "yellow",
  ok: "green",
  unknown: "magenta",
  dim: "dim",
  bold: "bold",
} as const;

/** Colours for a terminal; without them the text as it is. */
export function painter(colour: boolean): Paint {
  if (!colour) return (_style, text) => text;
  return (style, text) =>
    styleText(STYLES[style] as Parameters<typeof styleText>[0], text, { validateStream: false });
}
