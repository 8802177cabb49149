/** Pure: every kind of finding, by area, in the order of their codes. A code is in one of them only. */
import type { Kinds } from "../finding";
import { ACCESS } from "./access";
import { AGENT } from "./agent";
import { CONFLIST } from "./conflist";
import { NODE } from "./node";
import { PATH } from "./path";
import { PODS } from "./pods";
import { ROUTES } from "./routes";
import { RUNTIME } from "./runtime";
import { SETTINGS } from "./settings";

/** By area. The routes' own findings and collisions (TR0101 to TR0207) are in lib/routes/conflicts/kinds. */
export const KINDS = {
  routes: ROUTES,
  runtime: RUNTIME,
  conflist: CONFLIST,
  settings: SETTINGS,
  access: ACCESS,
  pods: PODS,
  node: NODE,
  agent: AGENT,
  path: PATH,
} satisfies Record<string, Kinds>;
