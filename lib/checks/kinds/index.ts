/** Pure: every kind of finding, by area. A code is in one of them only. */
import type { Kinds } from "../finding";
import { CONFLIST } from "./conflist";
import { RUNTIME } from "./runtime";
import { SETTINGS } from "./settings";

/** By area; the pages follow this order. */
export const KINDS = { runtime: RUNTIME, conflist: CONFLIST, settings: SETTINGS } satisfies Record<
  string,
  Kinds
>;
