/** Pure: what others have put in the way of the tenants' packets, as far as rules and routes tell. */
import type { PluginConf } from "../../conf/types";
import { findingsOf, isOursIn, type RoutesView } from "./apply";
import { findCollisions } from "./collisions";
import { routedTenants } from "./desired";
import type { FindingKind, Surroundings } from "./types";

/** Firewalls and files are looked at when the watcher starts: at every event that would cost too much. */
const UNSEEN: Surroundings = { markUses: [], chains: [], nftTables: [], tableNames: [], unseen: [] };
/** Made by others, and no affair of a gateway or of a setting, which the watcher tells by itself. */
const FOREIGN: readonly FindingKind[] = ["rule-before", "half-default", "main-refuses"];

/** Sentences, empty when there is nothing: the watcher takes nothing away that others have put there. */
export function othersText(conf: PluginConf, view: RoutesView): string {
  const { plan, state } = view;
  const collisions = findCollisions({ tenants: routedTenants(conf), plan, state, surroundings: UNSEEN, isOurs: isOursIn(view) });
  const findings = findingsOf(conf, view).filter(({ kind }) => FOREIGN.includes(kind));
  return [...collisions, ...findings].map(({ text }) => text).join("; ");
}
