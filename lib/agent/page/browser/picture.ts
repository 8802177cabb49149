/** Draws the picture. */
import type { NodeObject } from "../node-object";
import { byId, keyed, set, setText, svg } from "./dom";
import { pictureOf } from "./layout";
import { COLUMNS, WIDTH, type Band, type Box, type Edge } from "./shapes";
import { clean } from "./words";

/** Called with the box that somebody looks at, again at each look; undefined: it is gone. */
export type OnChosen = (box: Box | undefined) => void;

let chosen: string | undefined;

/** Draws the node, and tells of the box that was chosen last. */
export function drawPicture(node: NodeObject, onChosen: OnChosen): void {
  const root = byId<SVGSVGElement>("picture");
  const { height, bands } = pictureOf(node);
  set(root, { viewBox: `0 0 ${WIDTH} ${height}` });
  if (root.children.length === 0) root.append(headings(), svg("g", { class: "bands" }));
  const all = root.querySelector("g.bands");
  const boxes = bands.flatMap((band) => band.boxes);
  const choose = (key: string): void => {
    chosen = key;
    for (const each of root.querySelectorAll("g.box"))
      set(each, { "aria-pressed": String(each.getAttribute("data-key") === key) });
    onChosen(boxes.find((box) => box.key === key));
  };
  if (all !== null)
    keyed(all, bands, {
      key: ({ key }) => key,
      make: makeBand,
      update: (element, band) => updateBand(element, band, choose),
    });
  if (chosen !== undefined) choose(chosen);
}

function headings(): SVGGElement {
  const group = svg("g", { class: "headings", "aria-hidden": "true" });
  for (const { title, x } of COLUMNS) {
    const text = svg("text", { x, y: 28 });
    text.textContent = title;
    group.append(text);
  }
  return group;
}

function makeBand(): SVGGElement {
  const group = svg("g", { role: "group" });
  const title = svg("text", { class: "title", x: COLUMNS[0].x });
  group.append(svg("rect", { class: "ground", x: 8, width: WIDTH - 16, rx: 14 }), title);
  group.append(svg("rect", { class: "stripe", x: 8, width: 7, rx: 3 }));
  group.append(svg("g", { class: "edges", "aria-hidden": "true" }), svg("g", { class: "boxes" }));
  return group;
}

function updateBand(element: SVGGElement, band: Band, choose: (key: string) => void): void {
  const { hue, mood, y, height, title } = band;
  set(element, { class: `band hue-${hue} ${mood}`, "aria-label": title });
  const [ground, heading, stripe, edges, boxes] = element.children;
  if (!ground || !heading || !stripe || !edges || !boxes) return;
  set(ground, { y, height });
  set(stripe, { y: y + 10, height: height - 20 });
  set(heading, { y: y + 32 });
  setText(heading, title);
  keyed(edges, band.edges, { key: ({ key }) => key, make: makeEdge, update: updateEdge });
  keyed(boxes, band.boxes, {
    key: ({ key }) => key,
    make: (box) => makeBox(box, choose),
    update: updateBox,
  });
}

function makeEdge(): SVGGElement {
  const group = svg("g");
  group.append(svg("path", { class: "line" }), svg("path", { class: "packets" }), svg("text"));
  return group;
}

function updateEdge(element: SVGGElement, { state, from, to, rate, label }: Edge): void {
  set(element, { class: `edge ${state}` });
  const [line, packets, text] = element.children;
  if (!line || !packets || !text) return;
  const bend = (to.x - from.x) / 2;
  const d = `M${from.x} ${from.y} C${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
  const width = rate > 0 ? Math.min(9, 2.5 + 1.7 * Math.log10(1 + rate)) : 2;
  set(line, { d, "stroke-width": width });
  set(packets, { d, "stroke-width": Math.max(2, width - 2) });
  set(text, { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - 12 });
  setText(text, label);
}

function makeBox({ key, kind }: Box, choose: (key: string) => void): SVGGElement {
  const group = svg("g", { tabindex: 0, role: "button", "aria-pressed": "false", "data-key": key });
  const texts = ["label", "note", "aside"].map((name) => svg("text", { class: name }));
  group.append(svg("rect", { rx: kind === "pod" || kind === "more" ? 8 : 12 }), ...texts);
  group.addEventListener("focus", () => choose(key));
  group.addEventListener("click", () => choose(key));
  group.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(key);
    else if (step !== undefined) focusBeside(group, step);
    else return;
    event.preventDefault();
  });
  return group;
}

function focusBeside(box: SVGGElement, step: number): void {
  const all = [...byId<SVGSVGElement>("picture").querySelectorAll<SVGGElement>("g.box")];
  all[(all.indexOf(box) + step + all.length) % all.length]?.focus();
}

function updateBox(element: SVGGElement, box: Box): void {
  const { x, y, width, height, kind, mood, label, note, aside, details } = box;
  const [first, second] = details;
  const words = [first, second].map((each) => (each === undefined ? "" : each.join(" ")));
  set(element, { class: `box ${kind} ${mood}`, "aria-label": clean(words.join(", ")) });
  const [rect, labelText, noteText, asideText] = element.children;
  if (!rect || !labelText || !noteText || !asideText) return;
  set(rect, { x, y, width, height });
  const middle = y + height / 2;
  set(labelText, { x: x + 14, y: note === "" ? middle + 7 : middle - 4 });
  set(noteText, { x: x + 14, y: middle + 19 });
  set(asideText, { x: x + width - 14, y: note === "" ? middle + 6 : middle - 4 });
  setText(labelText, label);
  setText(noteText, note);
  setText(asideText, aside);
}
