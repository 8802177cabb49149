/** Pure: an explanation as an SVG picture that needs nothing from elsewhere. */
import type { Explanation } from "../model";
import { boxesOf, escapeXml, PAINT, type Box } from "./picture";

/** Pixels. */
const WIDTH = 560;
const MARGIN = 20;
const PAD = 12;
const LINE = 18;
const GAP = 28;

interface Placed extends Box {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** The paths beside each other, each from the top to the bottom. */
export function toSvg(explanations: readonly Explanation[]): string {
  const columns = explanations.map((each, i) => place(boxesOf(each), MARGIN + i * (WIDTH + GAP)));
  const height = Math.max(0, ...columns.flat().map((box) => box.y + box.height)) + MARGIN;
  const width = 2 * MARGIN + columns.length * (WIDTH + GAP) - GAP;
  const title = explanations.map(({ verdict }) => escapeXml(verdict)).join("; ");
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="13">`,
    `<title>${title}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...columns.flatMap((boxes) => boxes.flatMap((box, i) => drawn(box, i > 0))),
    "</svg>",
    "",
  ].join("\n");
}

function place(boxes: readonly Box[], x: number): readonly Placed[] {
  let y = MARGIN;
  return boxes.map((box) => {
    const height = 2 * PAD + (1 + box.lines.length) * LINE;
    const placed = { ...box, x, y, height };
    y += height + GAP;
    return placed;
  });
}

/** `led`: an arrow comes from the box above. */
function drawn({ title, lines, state, x, y, height }: Placed, led: boolean): readonly string[] {
  const { fill, line } = PAINT[state];
  const text = (content: string, i: number): string =>
    `<text x="${x + PAD}" y="${y + PAD + (i + 1) * LINE - 5}" fill="#1a202c"${i === 0 ? ' font-weight="bold"' : ""}>${escapeXml(content)}</text>`;
  return [
    ...(led ? [arrow(x + WIDTH / 2, y)] : []),
    `<rect x="${x}" y="${y}" width="${WIDTH}" height="${height}" rx="8" fill="${fill}" stroke="${line}" stroke-width="1.5"/>`,
    ...[title, ...lines].map(text),
  ];
}

function arrow(x: number, y: number): string {
  return `<path d="M ${x} ${y - GAP} V ${y - 8} M ${x - 5} ${y - 9} L ${x} ${y - 1} L ${x + 5} ${y - 9} Z" stroke="#4a5568" fill="#4a5568"/>`;
}
