/** Pure: what the picture is made of, and the columns that it has. */

/** `good`, `bad`: known to be so. `plain`: neither, or nobody knows. */
export type Mood = "good" | "bad" | "plain";

export interface Box {
  /** Stays the same from look to look. */
  readonly key: string;
  readonly kind: "pod" | "more" | "mark" | "table" | "gateway" | "leak";
  readonly mood: Mood;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Two lines and one on the right; each may be empty. */
  readonly label: string;
  readonly note: string;
  readonly aside: string;
  /** What the panel says of it; the first line is its name in full. */
  readonly details: readonly (readonly [term: string, text: string])[];
}

export interface Edge {
  readonly key: string;
  readonly state: "idle" | "flow" | "lost" | "leak";
  readonly from: Point;
  readonly to: Point;
  /** Packets a second. */
  readonly rate: number;
  readonly label: string;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** All of one mark. */
export interface Band {
  readonly key: string;
  readonly title: string;
  readonly hue: number;
  readonly mood: Mood;
  readonly y: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly edges: readonly Edge[];
}

/** A box whose column decides how high it is. */
export type Unplaced = Omit<Box, "y">;

export const WIDTH = 1280;
export const COLUMNS = [
  { title: "Pods", x: 28, width: 330 },
  { title: "Mark", x: 486, width: 166 },
  { title: "Table", x: 812, width: 140 },
  { title: "Gateways", x: 1020, width: 232 },
] as const;
