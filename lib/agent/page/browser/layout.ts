/** Pure: the node as boxes and edges with their places. */
import type { GroupObject, NodeObject } from "../node-object";
import { gatewayBoxes, markBoxes, podBoxes, tableBox } from "./boxes";
import type { Band, Box, Edge, Unplaced } from "./shapes";
import { figure, shortened } from "./words";

export interface Picture {
  readonly height: number;
  readonly bands: readonly Band[];
}

const TOP = 44;
const GAP = 10;
const PAD = 16;
const TITLE = 34;
const BETWEEN = 16;
const HUES = 8;

/** The picture of a node. */
export function pictureOf({ groups }: NodeObject): Picture {
  let y = TOP;
  const bands = groups.map((group, index) => {
    const band = bandOf(group, index % HUES, y);
    y += band.height + BETWEEN;
    return band;
  });
  return { height: y, bands };
}

function bandOf(group: GroupObject, hue: number, y: number): Band {
  const key = `${group.tenant ?? ""} ${group.mark ?? ""}`;
  const pods = podBoxes(group, key);
  const [marks, tables] = [markBoxes(group, key), [tableBox(group, key)]];
  const gateways = gatewayBoxes(group, key);
  const columns = [pods, marks, tables, gateways];
  const inner = Math.max(...columns.map(spanOf));
  const boxes = columns.flatMap((column) =>
    stacked(column, y + TITLE + PAD + (inner - spanOf(column)) / 2 + aboveOf(column)),
  );
  const isBad = boxes.some(({ kind, mood }) => mood === "bad" && kind !== "gateway");
  return {
    ...{ key, hue, y, boxes },
    title: titleOf(group),
    mood: isBad || isCutOff(group) ? "bad" : "plain",
    height: TITLE + 2 * PAD + inner,
    edges: edgesOf(group, key, boxes),
  };
}

function titleOf({ tenant, mark }: GroupObject): string {
  if (tenant !== null) return shortened(tenant, 60);
  return mark === null ? "no tenant" : `mark ${mark} of no tenant`;
}

function isCutOff({ gateways }: GroupObject): boolean {
  const own = gateways.filter(({ to }) => to.includes("default"));
  const deciding = own.length > 0 ? own : gateways;
  return deciding.length > 0 && deciding.every(({ state }) => state === "lost");
}

function heightOf(boxes: readonly Unplaced[]): number {
  return boxes.reduce((sum, { height }) => sum + height + GAP, -GAP);
}

/** A leak hangs below its mark, which stays in the middle: as much room is left above it. */
function aboveOf(boxes: readonly Unplaced[]): number {
  return boxes.some(({ kind }) => kind === "leak") ? heightOf(boxes.slice(1)) + GAP : 0;
}

function spanOf(boxes: readonly Unplaced[]): number {
  return heightOf(boxes) + aboveOf(boxes);
}

function stacked(boxes: readonly Unplaced[], from: number): readonly Box[] {
  let y = from;
  return boxes.map((box) => {
    const placed = { ...box, y };
    y += box.height + GAP;
    return placed;
  });
}

function edgesOf(group: GroupObject, key: string, boxes: readonly Box[]): readonly Edge[] {
  const of = (kind: Box["kind"]): readonly Box[] => boxes.filter((box) => box.kind === kind);
  const [mark, table, leak] = [of("mark")[0], of("table")[0], of("leak")[0]];
  if (mark === undefined || table === undefined) return [];
  const all = group.packetsPerSecond ?? 0;
  const rates = new Map(group.pods.map((each) => [`pod ${each.pod} ${key}`, each]));
  const fromPods = [...of("pod"), ...of("more")].map((box) => {
    const own = rates.get(box.key)?.packetsPerSecond ?? 0;
    return edge(box, mark, { rate: own, isBad: box.mood === "bad" });
  });
  const toGateways = of("gateway").map((box, index) => {
    const gateway = group.gateways[index];
    const sent = gateway?.devicePacketsPerSecond ?? (gateway?.state === "up" ? all : 0);
    return edge(table, box, { rate: Math.min(all, sent), isLost: gateway?.state === "lost" });
  });
  const label = group.packetsPerSecond === null ? "" : `${figure(all)} packets/s`;
  return [
    ...fromPods,
    edge(mark, table, { rate: all, label }),
    ...toGateways,
    ...(leak === undefined ? [] : [leakEdge(mark, leak, group.leaksPerSecond ?? 0)]),
  ];
}

interface EdgeFacts {
  readonly rate: number;
  readonly isLost?: boolean;
  readonly isBad?: boolean;
  readonly label?: string;
}

function edge(from: Box, to: Box, { rate: packets, isLost, isBad, label = "" }: EdgeFacts): Edge {
  const state = isLost ? "lost" : isBad ? "leak" : packets > 0 ? "flow" : "idle";
  return {
    ...{ key: `${from.key} > ${to.key}`, state, rate: isLost ? 0 : packets, label },
    from: { x: from.x + from.width, y: from.y + from.height / 2 },
    to: { x: to.x, y: to.y + to.height / 2 },
  };
}

function leakEdge(from: Box, to: Box, packets: number): Edge {
  return {
    ...{ key: `${from.key} > ${to.key}`, state: "leak", rate: packets, label: "" },
    from: { x: from.x + from.width / 2, y: from.y + from.height },
    to: { x: to.x + to.width / 2, y: to.y },
  };
}
