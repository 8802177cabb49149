/** Pure: the boxes of one mark, column by column. */
import type { GatewayObject, GroupObject, PodObject } from "../node-object";
import { COLUMNS, type Mood, type Unplaced } from "./shapes";
import { count, figure, rate, shortened } from "./words";

const [PODS, MARKS, TABLES, GATEWAYS] = COLUMNS;
const POD_HEIGHT = 40;
const BOX_HEIGHT = 62;
/** Pods of one mark that are drawn; the panel names the others. */
const MOST_PODS = 6;

const POD_STATES: Readonly<Record<PodObject["state"], readonly [mood: Mood, text: string]>> = {
  marked: ["plain", "its packets carry the mark"],
  missing: ["bad", "its mark is not in force"],
  damaged: ["bad", "its rules do something else than mark"],
  unknown: ["bad", "rules without a record of the pod"],
  plain: ["plain", "it has no tenant"],
};

/** The pods of a mark, those that are not well first where not all are drawn. */
export function podBoxes({ pods }: GroupObject, group: string): readonly Unplaced[] {
  const column = { x: PODS.x, width: PODS.width, height: POD_HEIGHT, note: "" };
  const worstFirst = [...pods].sort((a, b) => Number(isWell(a)) - Number(isWell(b)));
  const shown = pods.length > MOST_PODS ? worstFirst.slice(0, MOST_PODS - 1) : pods;
  const boxes = shown.map((pod): Unplaced => {
    const [mood, text] = POD_STATES[pod.state];
    return {
      ...{ ...column, key: `pod ${pod.pod} ${group}`, kind: "pod", mood },
      label: shortened(pod.pod, mood === "bad" ? 18 : 22),
      aside:
        mood === "bad"
          ? pod.state
          : pod.packetsPerSecond === null
            ? ""
            : `${figure(pod.packetsPerSecond)}/s`,
      details: [
        ["Pod", pod.pod],
        ["State", text],
        ["Addresses", pod.addresses.join(", ")],
        ["Sends", rate(pod.packetsPerSecond)],
        ["Since its rules were made", pod.packets === null ? "-" : count(pod.packets, "packet")],
      ],
    };
  });
  const rest = worstFirst.slice(shown.length);
  if (rest.length === 0) return boxes;
  const more: Unplaced = {
    ...{ ...column, key: `more ${group}`, kind: "more", mood: "plain", aside: "" },
    label: `and ${count(rest.length, "more pod")}`,
    details: [["More pods", rest.map(({ pod }) => pod).join(", ")]],
  };
  return [...boxes, more];
}

function isWell({ state }: PodObject): boolean {
  return POD_STATES[state][0] !== "bad";
}

/** The mark, and below it what the guard has dropped. */
export function markBoxes(group: GroupObject, key: string): readonly Unplaced[] {
  const { mark, pods, leaked, leaksPerSecond, bytesPerSecond } = group;
  const routed = group.leakedToDefaultRoute ?? 0;
  const column = { x: MARKS.x, width: MARKS.width, aside: "" };
  const box: Unplaced = {
    ...{ ...column, key: `mark ${key}`, kind: "mark", mood: "plain", height: BOX_HEIGHT },
    label: mark ?? "no mark",
    note: count(pods.length, "pod"),
    details: [
      ["Mark", mark ?? "none"],
      ["Pods", String(pods.length)],
      ["Marked now", rate(group.packetsPerSecond)],
      ["That is", bytesPerSecond === null ? "-" : `${figure(bytesPerSecond)} bytes/s`],
      ["Dropped by the guard", leaked === null ? "no guard" : count(leaked, "packet")],
    ],
  };
  if (leaked === null || leaked === 0) return [box];
  const leak: Unplaced = {
    ...{ ...column, key: `leak ${key}`, kind: "leak", mood: "bad", height: BOX_HEIGHT },
    label: `${figure(leaked)} leaked`,
    note: leaksPerSecond ? `${figure(leaksPerSecond)}/s, dropped` : "dropped, none now",
    details: [
      ["Without the mark", count(leaked - routed, "packet")],
      ["To the node's default route", count(routed, "packet")],
      ["Now", rate(leaksPerSecond)],
      ["What became of them", "the guard dropped them: none left the node"],
    ],
  };
  return [box, leak];
}

/** The table that the mark leads to. */
export function tableBox(
  { table, mark, tenant, onGatewayLoss }: GroupObject,
  key: string,
): Unplaced {
  const label = table !== null ? `table ${table}` : mark === null ? "main" : "no table";
  const notes = { stop: "stops if lost", fallback: "falls back" };
  const loss = { stop: "its packets stop", fallback: "they take the node's default route" };
  return {
    ...{ key: `table ${key}`, kind: "table", mood: "plain", x: TABLES.x, width: TABLES.width },
    ...{ height: BOX_HEIGHT, label, aside: "" },
    note: table !== null && onGatewayLoss !== null ? notes[onGatewayLoss] : "",
    details: [
      [
        "Routing table",
        table === null ? (mark === null ? "main" : "none of this node's") : String(table),
      ],
      ["Tenant", tenant ?? "none"],
      ["When all gateways are lost", onGatewayLoss === null ? "-" : loss[onGatewayLoss]],
    ],
  };
}

const GATEWAY_STATES: Readonly<
  Record<GatewayObject["state"], readonly [mood: Mood, word: string, text: string]>
> = {
  up: ["good", "up", "it answers"],
  lost: ["bad", "lost", "it is lost: packets do not go there"],
  unknown: ["plain", "", "nobody watches it"],
};

/** The tenant's gateways. */
export function gatewayBoxes(
  { gateways, table, mark }: GroupObject,
  group: string,
): readonly Unplaced[] {
  const column = { x: GATEWAYS.x, width: GATEWAYS.width, height: BOX_HEIGHT };
  if (gateways.length === 0)
    return mark !== null && table === null
      ? []
      : [
          {
            ...{ ...column, key: `gateway ${group}`, kind: "gateway", mood: "plain", aside: "" },
            label: mark === null ? "default route" : "none",
            note: mark === null ? "of the node" : "its packets stop",
            details: [["Gateway", mark === null ? "the node's own default route" : "none"]],
          },
        ];
  return gateways.map((gateway): Unplaced => {
    const { dev, devicePacketsPerSecond, neighbour, to } = gateway;
    const [mood, word, text] = GATEWAY_STATES[gateway.state];
    const [address = ""] = gateway.gateway.split(" dev ");
    const sent =
      devicePacketsPerSecond === null ? "" : ` sends ${figure(devicePacketsPerSecond)}/s`;
    return {
      ...{ ...column, key: `gateway ${gateway.gateway} ${group}`, kind: "gateway", mood },
      label: shortened(address, 20),
      note: shortened(
        `${dev ?? ""}${sent}${to.includes("default") ? "" : ` to ${to.join(", ")}`}`,
        26,
      ),
      aside: word,
      details: [
        ["Gateway", gateway.gateway],
        [
          "Packets to",
          to.map((each) => (each === "default" ? "everything else" : each)).join(", "),
        ],
        ["State", text],
        ["Neighbour entry", neighbour],
        ["Its device sends", rate(devicePacketsPerSecond)],
      ],
    };
  });
}
