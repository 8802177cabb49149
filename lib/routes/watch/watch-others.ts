/** Pure: what others have put in the way of the tenants' packets, as far as rules and routes tell. */
import type { PluginConf } from "../../../conf/types";
import { findingsOf, isOursIn } from "../apply";
import type { RoutesView } from "../carry-out";
import { findCollisions } from "../conflicts/collisions";
import { routedTenants } from "../plan/desired";
import type { Surroundings } from "../model";
import { COLLISIONS, FINDINGS } from "../conflicts/kinds";
import { collisionText, findingText } from "../conflicts/text";

/** Firewalls and files are looked at when the watcher starts: at every event that would cost too much. */
const UNSEEN: Surroundings = {
  markUses: [],
  chains: [],
  nftTables: [],
  tableNames: [],
  unseen: [],
};
/** What is in the way, and of whom; undefined: of every tenant. */
export interface InTheWay {
  readonly tenant: string | undefined;
  readonly text: string;
}

/** All of it: the watcher takes nothing away that others have put there. */
export function othersInTheWay(conf: PluginConf, view: RoutesView): readonly InTheWay[] {
  const { plan, state } = view;
  const collisions = findCollisions({
    tenants: routedTenants(conf),
    plan,
    state,
    surroundings: UNSEEN,
    isOurs: isOursIn(view),
  });
  const findings = findingsOf(conf, view).filter(
    ({ kind }) => FINDINGS[kind].watched === "foreign",
  );
  return [
    ...collisions
      .filter(({ kind }) => COLLISIONS[kind].watched)
      .map((collision) => ({ tenant: collision.tenant, text: collisionText(collision) })),
    ...findings.map((finding) => ({ tenant: finding.tenant, text: findingText(finding) })),
  ];
}

/** Kernel settings that keep the tenants' packets from getting through, and that may not be changed. */
export function settingsText(conf: PluginConf, view: RoutesView): string {
  if (view.sysctl) return "";
  return findingsOf(conf, view)
    .filter(({ kind }) => FINDINGS[kind].watched === "setting")
    .map(findingText)
    .join("; ");
}
