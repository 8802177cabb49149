/** The checks of what goes around the marks. */
import type { PluginConf } from "../../../conf/types";
import { effectiveDelegate } from "../../../delegates/netconf";
import { own } from "../../cni/json";
import type { Programs } from "../../node/programs";
import type { Check } from "../run";
import { bridgeFindings, bypassFindings, type AttachedPod } from "./datapath";
import { readDatapath } from "./read-datapath";

export interface DatapathView {
  /** Throws when there is no conflist. */
  readonly conf: () => PluginConf;
  readonly pods: () => readonly AttachedPod[];
  readonly programs: Programs;
  readonly sysctl: (path: string) => string | undefined;
}

/** The checks of this part of the category. */
export function datapathChecks({ conf, pods, programs, sysctl }: DatapathView): readonly Check[] {
  return [
    {
      ...{ name: "ways around the marks", category: "node", local: true },
      look: async () => {
        const attached = pods();
        if (attached.length === 0) return { findings: [], skipped: "" };
        return { findings: bypassFindings(attached, await readDatapath(programs, attached)) };
      },
    },
    {
      ...{ name: "bridge", category: "node", local: true },
      look: async () => ({ findings: bridgeFindings(delegateTypes(conf()), sysctl) }),
    },
  ];
}

function delegateTypes({ delegate, tenants = [] }: PluginConf): readonly string[] {
  if (delegate === undefined) return [];
  const patched = tenants.flatMap(({ delegate: patch }) =>
    patch === undefined ? [] : [effectiveDelegate(delegate, patch)],
  );
  return [delegate, ...patched].map((each) => String(own(each, "type")));
}
