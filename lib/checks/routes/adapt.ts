/** Pure: findings and collisions of the node routes as findings of checks. */
import { COLLISIONS, FINDINGS } from "../../routes/conflicts/kinds";
import type {
  Collision,
  CollisionKind,
  Finding as RouteFinding,
  FindingKind,
} from "../../routes/conflicts/kinds";
import { collisionParts, findingParts } from "../../routes/conflicts/text";
import type { Parts } from "../../routes/text";
import type { Finding } from "../finding";

/** Where one command does what the sentence says. */
const FINDING_COMMANDS: Partial<
  Readonly<Record<FindingKind, (each: RouteFinding) => string | undefined>>
> = {
  "device-down": (each) =>
    "gateway" in each ? `ip link set ${each.gateway.dev ?? ""} up && wrapper routes apply` : "",
  "forwarding-off": () => "wrapper routes apply --sysctl",
  "strict-rp-filter": () => "wrapper routes apply --sysctl",
  "link-waits": (each) =>
    "waitsFor" in each && each.waitsFor === "parent-up"
      ? `ip link set ${each.dev} up && wrapper routes apply`
      : undefined,
  "ra-default": (each) =>
    "dev" in each ? `sysctl -w net/ipv6/conf/${each.dev ?? ""}/accept_ra=2` : "",
};

/** Where the sentence begins with the gateway, and its "it" would name nobody in front. */
const FAULTS: Partial<Readonly<Record<FindingKind, string>>> = {
  "gateway-failed": "the watcher has taken a gateway out, because it does not answer",
};

/** A finding of the routes. */
export function routeFinding(each: RouteFinding): Finding {
  const { code, severity } = FINDINGS[each.kind];
  const parts = findingParts(each);
  const remedy = FINDING_COMMANDS[each.kind]?.(each) ?? sentence(parts.remedy);
  return {
    ...base(each.kind, { ...parts, fault: FAULTS[each.kind] ?? parts.fault }),
    ...{ code, remedy, subject: each.tenant },
    severity: severity === "problem" ? "failed" : "warning",
  };
}

/** Kinds whose bits or names meet, without a packet of a tenant's that goes astray today. */
const HARMLESS: readonly CollisionKind[] = ["mask", "name", "unseen"];

/** A collision: it keeps `apply` and `watch` from starting. */
export function collisionFinding(each: Collision): Finding {
  const parts = collisionParts(each);
  return {
    ...base(each.kind, parts),
    code: COLLISIONS[each.kind].code,
    severity: HARMLESS.includes(each.kind) ? "warning" : "failed",
    remedy: parts.instead === undefined ? sentence(parts.remedy) : parts.remedy,
    subject: each.tenant,
  };
}

function base(kind: string, { fault, consequence }: Parts) {
  return { kind, category: "routes", fault, consequence } as const;
}

// What no command can do begins with a capital, as a sentence does.
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
