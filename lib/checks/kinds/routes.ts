/** Pure: what differs from the tenants' rules, tables and gateways: TR0117 on. TR0101 to TR0207 are the routes' own. */
import type { Kind } from "../finding";

interface ChangeFacts {
  /** Commands that put it right. */
  readonly commands: readonly string[];
}

interface TableFacts extends ChangeFacts {
  readonly tenant: string;
  readonly table: number;
  readonly empty: boolean;
}

interface GatewayFacts {
  readonly tenant: string;
  /** Undefined: the device itself is the way, as a tunnel is. */
  readonly via: string | undefined;
  readonly family: 4 | 6;
  readonly dev: string;
  readonly why: string;
}

const APPLY = "wrapper routes apply";

export const ROUTES = {
  "rule-differs": {
    code: "TR0117",
    category: "routes",
    severity: "failed",
    title: "A rule of the tenants is missing or changed",
    fault: (facts: ChangeFacts) => `ip rules differ from the conflist: ${first(facts)}`,
    consequence: () => "marked packets take the main table, or another tenant's",
    remedy: () => APPLY,
  },
  "table-differs": {
    code: "TR0118",
    category: "routes",
    severity: "failed",
    title: "A tenant's table is empty or changed",
    fault: (facts: TableFacts) =>
      facts.empty
        ? `table ${facts.table} of tenant ${facts.tenant} is empty`
        : `table ${facts.table} of tenant ${facts.tenant} differs from the conflist: ${first(facts)}`,
    consequence: ({ empty }: TableFacts) =>
      empty
        ? "its packets take the main table, as if they had no tenant"
        : "its packets take another way, or none",
    remedy: () => APPLY,
  },
  "gateway-silent": {
    code: "TR0119",
    category: "routes",
    severity: "failed",
    title: "A gateway does not answer",
    fault: ({ tenant, via, family, dev, why }: GatewayFacts) =>
      `gateway ${via ?? `IPv${family}`} dev ${dev} of tenant ${tenant} is silent: ${why}`,
    consequence: ({ tenant }: GatewayFacts) => `packets of tenant ${tenant} that go there are lost`,
    remedy: ({ via, dev }: GatewayFacts) =>
      via === undefined
        ? `Repair what is behind ${dev}: ip -s link show ${dev}`
        : `Repair the gateway or the way to it: ip neigh show ${via} dev ${dev}`,
  },
  "routes-differ": {
    code: "TR0120",
    category: "routes",
    severity: "warning",
    title: "Something else of the node routes differs",
    fault: (facts: ChangeFacts) => `the node differs from the conflist: ${first(facts)}`,
    consequence: () =>
      "links, source translation, forwarding or tables' names are not as they should be",
    remedy: () => APPLY,
  },
  "local-rule-moved": {
    code: "TR0121",
    category: "routes",
    severity: "warning",
    title: "The rule for the local table was moved",
    fault: ({ family, priority }: LocalFacts) =>
      `the IPv${family} rule for the local table is at ${priority} and not at 0`,
    consequence: () => "rules before it are asked for packets to the node itself too",
    remedy: ({ family, priority }: LocalFacts) =>
      `ip -${family} rule add pref 0 lookup local && ip -${family} rule del pref ${priority} lookup local`,
  },
} satisfies Record<string, Kind<never>>;

interface LocalFacts {
  readonly family: 4 | 6;
  readonly priority: number;
}

function first({ commands: [command = "", ...more] }: ChangeFacts): string {
  const [line = ""] = command.split("\n");
  return more.length === 0 ? line : `${line} (and ${more.length} more)`;
}
