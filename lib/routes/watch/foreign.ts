/**
 * Pure: foreign rules and routes that get in the way of the tenants' packets while the watcher
 * runs.
 */
import type { PluginConf } from "../../../conf/types";
import { findingsOf, isOursIn } from "../apply";
import type { RoutesView } from "../carry-out";
import { findCollisions } from "../conflicts/collisions";
import { routedTenants } from "../plan/desired";
import type { Surroundings } from "../model";
import { linkCollisions, linkFindings } from "../conflicts/links";
import { COLLISIONS, FINDINGS } from "../conflicts/kinds";
import { collisionText, findingText } from "../conflicts/text";

/**
 * Firewalls and files are read only when the watcher starts: reading them at every event would cost
 * too much.
 */
const UNSEEN: Surroundings = {
  markUses: [],
  chains: [],
  nftTables: [],
  tableNames: [],
  unseen: [],
};
/** What is in the way, and of which tenant; undefined: of all. */
export interface ForeignConflict {
  readonly tenant: string | undefined;
  readonly text: string;
}

/**
 * Everything that is in the way. The watcher only reports it: foreign rules and routes are left
 * alone.
 */
export function foreignConflicts(conf: PluginConf, view: RoutesView): readonly ForeignConflict[] {
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

/** What is wrong with the links at the moment; "" when nothing is. */
export function linksText({ links }: RoutesView): string {
  return [
    ...linkCollisions(links).map(collisionText),
    ...linkFindings(links).map(findingText),
  ].join("; ");
}

/**
 * The kernel settings that keep the tenants' packets from getting through; "" when --sysctl puts
 * them right.
 */
export function settingsText(conf: PluginConf, view: RoutesView): string {
  if (view.sysctl) return "";
  return findingsOf(conf, view)
    .filter(({ kind }) => FINDINGS[kind].watched === "setting")
    .map(findingText)
    .join("; ");
}
