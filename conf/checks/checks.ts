/** What no schema can say: rules between fields, and between the configuration and the verb. */
import type { Json } from "../../lib/cni/json";
import { destinationRule } from "./destinations";
import { gatewayRule } from "./gateways";
import { linkRule } from "./links";
import { type Problem, type Rule, type RuleInput, showValue } from "../problem";
import {
  outOfRange,
  podNetworksRule,
  prefixRule,
  priorityRule,
  tableRule,
  translationRule,
  uplinkRule,
  watchRule,
} from "./routes";
import { schemaAt } from "../schema/plugin";
import {
  delegatePatchRule,
  isOurselves,
  markConflictRule,
  markRule,
  poolRule,
  poolRuleRule,
  tenantNameRule,
} from "./tenants";
import { defaultMask } from "../build";

const NETWORK_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const ANNOTATIONS = "io.kubernetes.cri.pod-annotations";

/** Every rule, in the order in which an operator would want to read the problems. */
export const RULES: readonly Rule[] = [
  nameRule,
  delegateRule,
  chainRule,
  checkRule,
  kubeconfigRule,
  maskRule,
  tenantNameRule,
  markRule,
  markConflictRule,
  gatewayRule,
  destinationRule,
  delegatePatchRule,
  poolRule,
  poolRuleRule,
  durationRule,
  priorityRule,
  prefixRule,
  translationRule,
  tableRule,
  podNetworksRule,
  linkRule,
  uplinkRule,
  watchRule,
];

function nameRule({ draft }: RuleInput): readonly Problem[] {
  const path = ["name"];
  if (draft.name === undefined || draft.name === "") {
    return [
      {
        path,
        what: "is missing",
        hint: `set "name" of the network in the conflist`,
        missing: true,
        fatal: true,
      },
    ];
  }
  if (NETWORK_NAME.test(draft.name)) return [];
  const hint = "use letters, digits, and after the first character also _ . -";
  return [
    {
      path,
      what: `is ${showValue(path, draft.name)}, which is not a network name`,
      hint,
      fatal: true,
    },
  ];
}

// The name keys the address store and the masquerade chains of the delegate: two names lose addresses.
function delegateRule({ draft }: RuleInput): readonly Problem[] {
  const { delegate } = draft;
  if (delegate === undefined) return [];
  const problems: Problem[] = [];
  const name = delegate["name"];
  if (name !== undefined && name !== draft.name) {
    const path = ["delegate", "name"];
    const what = `is ${showValue(path, name)}, not the network's name`;
    problems.push({ path, what, hint: "remove it, it is filled in" });
  }
  if (isOurselves(delegate.type, draft)) {
    const hint = `name the plugin that makes the interface, such as "ptp"`;
    problems.push({
      path: ["delegate", "type"],
      what: "is this plugin itself, which would run for ever",
      hint,
    });
  }
  return problems;
}

function chainRule({ raw, verb }: RuleInput): readonly Problem[] {
  if (verb !== "ADD") return [];
  const chained = isPresent(raw["prevResult"]);
  if (raw["delegate"] !== undefined && chained) {
    const what = "comes from an earlier plugin although a delegate is configured";
    const hint = `put this plugin first in the list, or remove "delegate" to run after the other`;
    return [{ path: ["prevResult"], what, hint }];
  }
  if (raw["delegate"] !== undefined || chained) return [];
  const what = "is missing, and there is no prevResult either";
  const hint = `configure "delegate", or put this plugin after a main plugin such as flannel in the list`;
  return [{ path: ["delegate"], what, hint, missing: true }];
}

function checkRule({ draft, verb }: RuleInput): readonly Problem[] {
  if (verb !== "CHECK" || isPresent(draft.prevResult)) return [];
  const hint = "the runtime must pass the result of ADD, see its cache in /var/lib/cni/results";
  return [
    {
      path: ["prevResult"],
      what: "is missing, and CHECK needs it",
      hint,
      missing: true,
      fatal: true,
    },
  ];
}

function kubeconfigRule({ raw, draft, verb }: RuleInput): readonly Problem[] {
  if (verb !== "ADD" && verb !== "STATUS") return [];
  if (raw["kubeconfig"] !== undefined || draft.capabilities?.[ANNOTATIONS] === true) return [];
  const hint =
    `set it to a kubeconfig such as "/etc/kubernetes/kubelet.conf", ` +
    `or let the runtime pass the annotations with "capabilities": {"${ANNOTATIONS}": true}`;
  return [{ path: ["kubeconfig"], what: "is missing", hint, missing: true }];
}

function maskRule({ draft }: RuleInput): readonly Problem[] {
  if (defaultMask(draft) !== undefined) return [];
  const path = ["mask"];
  const hint = schemaAt(path)?.errorMessage ?? "";
  return [{ path, what: `is ${showValue(path, draft.mask)}, which is not valid`, hint }];
}

function durationRule({ draft }: RuleInput): readonly Problem[] {
  return [
    ...(["apiTimeout", "delegateTimeout", "lockTimeout"] as const).flatMap((key) =>
      outOfRange([key], key, draft[key]),
    ),
    ...(
      ["queueTimeout", "reconcileInterval", "namespaceInterval", "lookInterval"] as const
    ).flatMap((key) => outOfRange(["agent", key], key, draft.agent[key])),
  ];
}

// The runtimes are written in Go, where an absent map may be encoded as null.
function isPresent(value: Json | undefined): boolean {
  return value !== undefined && value !== null;
}
