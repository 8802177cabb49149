/** Findings about a node on paper, each with its sentence. */
import type { PluginConf } from "../../../../../conf/types";
import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import { type FindingInput, findFindings } from "../../../../../lib/routes/conflicts/findings";
import type { Finding, FindingKind } from "../../../../../lib/routes/conflicts/kinds";
import { findingText } from "../../../../../lib/routes/conflicts/text";
import type { NodeState } from "../../../../../lib/routes/model";
import { TENANTS, confOf } from "../node-rig";

/** A finding with its sentence. */
export type Told = Finding & { readonly text: string };

export function told(input: FindingInput): readonly Told[] {
  return findFindings(input).map((each) => ({ ...each, text: findingText(each) }));
}

export function found(state: NodeState, conf: PluginConf = confOf()): readonly Told[] {
  return told({ conf, plan: desiredRoutes(conf, state), state });
}

export function only(kind: FindingKind, findings: readonly Told[]): Told {
  expect(findings.map((each) => each.kind)).toEqual([kind]);
  return findings[0] as Told;
}

export const one = (tenant: object): PluginConf =>
  confOf({ tenants: { a: { ...TENANTS.a, ...tenant } } });
