/** Pure: what others have put in the way of the tenants' packets, as far as rules and routes tell. */
import type { PluginConf } from "../../../conf/types";
import { findingsOf, isOursIn } from "../apply";
import type { RoutesView } from "../carry-out";
import { findCollisions } from "../conflicts/collisions";
import { routedTenants } from "../plan/desired";
import type { Collision, FindingKind, Surroundings } from "../model";

/** Firewalls and files are looked at when the watcher starts: at every event that would cost too much. */
const UNSEEN: Surroundings = {
  markUses: [],
  chains: [],
  nftTables: [],
  tableNames: [],
  unseen: [],
};
/** Made by others, and no affair of a gateway or of a setting, which the watcher tells by itself. */
const FOREIGN: readonly FindingKind[] = ["rule-before", "half-default", "main-refuses"];
/** With --sysctl they are put right instead. */
const SETTINGS: readonly FindingKind[] = ["forwarding-off", "strict-rp-filter"];

/** What is in the way, and of whom; undefined: of every tenant. */
export type InTheWay = Pick<Collision, "tenant" | "text">;

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
  const findings = findingsOf(conf, view).filter(({ kind }) => FOREIGN.includes(kind));
  // A rule that compares the same bits with another value takes no packet of the tenant's.
  return [...collisions.filter(({ kind }) => kind !== "mask"), ...findings];
}

/** Kernel settings that keep the tenants' packets from getting through, and that may not be changed. */
export function settingsText(conf: PluginConf, view: RoutesView): string {
  if (view.sysctl) return "";
  return findingsOf(conf, view)
    .filter(({ kind }) => SETTINGS.includes(kind))
    .map(({ text }) => text)
    .join("; ");
}
