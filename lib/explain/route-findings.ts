/** Pure: what the node routes find, as findings of checks: the same code and sentence, and a command. */
import type { Finding } from "../checks/finding";
import {
  COLLISIONS,
  FINDINGS,
  isProblem,
  type Collision,
  type Finding as RouteFinding,
} from "../routes/conflicts/kinds";
import { collisionParts, findingParts } from "../routes/conflicts/text";
import { routeRemoval, ruleRemoval, type Parts } from "../routes/text";
import type { PodFacts } from "./model";

/** What a command needs to be about this pod. */
export interface About {
  readonly pod: Pick<PodFacts, "pod" | "netns" | "ifname">;
  /** ` --conf FILE`, or "". */
  readonly option: string;
}

/** The finding with the command that ends it, where there is one. */
export function fromRoutes(found: RouteFinding, about: About): Finding {
  const text = said(findingParts(found));
  return {
    kind: found.kind,
    code: FINDINGS[found.kind].code,
    category: "routes",
    severity: isProblem(found) ? "failed" : "warning",
    ...text,
    remedy: commandFor(found, about) ?? text.remedy,
    subject: found.tenant,
  };
}

/** A rule for the local table that comes after ours. */
export function fromLateLocal(found: Collision & { readonly kind: "priority" }): Finding {
  const text = said(collisionParts(found));
  const family = "family" in found ? found.family : 4;
  return {
    kind: found.kind,
    code: COLLISIONS[found.kind].code,
    category: "routes",
    severity: "warning",
    ...text,
    remedy: `ip -${family} rule add pref 0 lookup local`,
    subject: undefined,
  };
}

function said({
  fault,
  consequence,
  remedy,
}: Parts): Pick<Finding, "fault" | "consequence" | "remedy"> {
  return { fault, consequence, remedy };
}

type Kind = RouteFinding["kind"];
type CommandOf<K extends Kind> = (
  found: Extract<RouteFinding, { readonly kind: K }>,
  about: About,
) => string | undefined;

function withSettings(_found: RouteFinding, { option }: About): string {
  return `wrapper routes apply --sysctl${option}`;
}

/** By kind; what is not here no command ends. */
const COMMANDS: { readonly [K in Kind]?: CommandOf<K> } = {
  "device-down": ({ gateway }, { option }) =>
    `ip link set ${gateway.dev ?? ""} up && wrapper routes apply${option}`,
  "strict-rp-filter": withSettings,
  "forwarding-off": withSettings,
  "main-refuses": ({ route }) => routeRemoval(route),
  "main-may-refuse": ({ route }) => routeRemoval(route),
  "rule-before": ({ rule }) => ruleRemoval(rule),
  "half-default": ({ routes }) => routes.map(routeRemoval).join(" && "),
  "mark-without-tenant": (_found, { pod }) => podDeletion(pod.pod),
  mtu: ({ least }, { pod }) => mtuChange(pod, least),
};

function commandFor(found: RouteFinding, about: About): string | undefined {
  const command = COMMANDS[found.kind] as CommandOf<Kind> | undefined;
  return command?.(found, about);
}

/** The command that makes the pod's own interface smaller, until its configuration is. */
function mtuChange(
  { netns, ifname }: Pick<PodFacts, "netns" | "ifname">,
  mtu: number,
): string | undefined {
  if (netns === undefined || ifname === undefined) return undefined;
  return `nsenter --net=${netns} ip link set ${ifname} mtu ${mtu}`;
}

function podDeletion(pod: string): string {
  const [namespace = "", name = ""] = pod.split("/");
  return `kubectl delete pod -n ${namespace} ${name}`;
}
