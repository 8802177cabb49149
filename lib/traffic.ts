/** Types only: what marks have counted. */
import type { Mark } from "./net/mark";

/** What has been given a mark since its rules, or its counter, were made; packets that lost it again do not count. */
export interface Traffic {
  /** The place of the marks, as records have it. */
  readonly backend: string;
  readonly mark: Mark;
  /** Whose; undefined where the backend counts for all attachments with the mark together. */
  readonly tag: string | undefined;
  readonly packets: number;
  readonly bytes: number;
}

/** Why the guard dropped a packet: it lacked its mark, or it would have taken the node's default route with it. */
export type LeakReason = "no_mark" | "default_route";

/** Packets of one mark that the guard has dropped since its table was made. */
export interface Leaked {
  readonly reason: LeakReason;
  readonly mark: Mark;
  readonly packets: number;
  readonly bytes: number;
}
