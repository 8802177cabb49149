/** What the schema cannot say about the node routes and the upstream router. */
import { parseAddress, parsePrefix, sameNetwork } from "../../lib/net/address";
import type { Family } from "../../lib/net/family";
import type { DraftRouter, DraftUplink } from "../draft";
import { DURATION_BOUNDS, type DurationKey, parseDuration } from "../duration";
import { type Problem, type Rule, showValue } from "../problem";
import { schemaAt } from "../schema/plugin";
import type { NodeRoute } from "../types";
import { wrong } from "./wrong";

const DEFAULT_UPLINK = "default";

/** Exclusions come before the main table's exact routes, and those before the tenants. */
export const priorityRule: Rule = ({ draft }) => {
  const { excludePriority, localPriority, tenantPriority } = draft.routes;
  if (excludePriority < localPriority && localPriority < tenantPriority) return [];
  const what = `has priorities ${excludePriority} (exclude), ${localPriority} (local) and ${tenantPriority} (tenant), which are not in this order`;
  const drop = (["excludePriority", "localPriority", "tenantPriority"] as const).map((key) => [
    "routes",
    key,
  ]);
  return [
    {
      path: ["routes"],
      what,
      hint: "write excludePriority < localPriority < tenantPriority",
      drop,
    },
  ];
};

/** Every network and every address is valid, and none covers the whole internet by accident. */
export const prefixRule: Rule = ({ draft: { routes, router } }) => [
  ...networkProblems(
    ["routes", "excludeDestinations"],
    routes.excludeDestinations,
    "would exclude every destination",
  ),
  ...networkProblems(
    ["routes", "podNetworks"],
    routes.podNetworks ?? [],
    "would make every address a pod's",
  ),
  ...nodeRouteProblems(routes.nodeRoutes ?? []),
  ...(router === undefined ? [] : routerProblems(router)),
];

/** Addresses to translate to are addresses of hosts, at most one for each family. */
export const translationRule: Rule = ({ draft }) => {
  const tenants = Object.entries(draft.tenants ?? {}).map(([name, { snat }]): Written => [
    ["tenants", name, "snat"],
    snat,
    undefined,
  ]);
  const uplinks = Object.entries(draft.router?.uplinks ?? {}).flatMap(([name, uplink]) =>
    uplinkTranslations(name, uplink),
  );
  return [...tenants, ...uplinks].flatMap(([path, snat, family]) => {
    if (snat === undefined || snat === "none" || snat === "masquerade") return [];
    const addresses = [snat].flat();
    const stray = addresses.filter(
      (text) => family !== undefined && (parseAddress(text)?.family ?? family) !== family,
    );
    const hint = `write an IPv${String(family)} address, or use "${family === 4 ? "snat6" : "snat"}"`;
    return [
      ...hostProblems(path, addresses),
      ...stray.map((text) => ({
        path,
        what: `is ${showValue([], text)}, of the other family`,
        hint,
      })),
    ];
  });
};

/** Each tenant has a table of its own. */
export const tableRule: Rule = ({ draft }) => {
  const entries = Object.entries(draft.tenants ?? {});
  return entries.flatMap(([name, tenant], i) => {
    const other = entries
      .slice(0, i)
      .find(([, { table }]) => table !== undefined && table === tenant.table);
    if (other === undefined) return [];
    return [
      {
        path: ["tenants", name, "table"],
        what: `is ${String(tenant.table)}, the table of tenant "${other[0]}"`,
        hint: "give every tenant a table of its own",
      },
    ];
  });
};

/** Settings about the pod networks need `podNetworks`. */
export const podNetworksRule: Rule = ({ draft: { routes } }) => {
  if ((routes.podNetworks ?? []).length > 0) return [];
  const needing = (["masquerade", "acceptForward"] as const).filter((key) => routes[key]);
  return needing.map((key) => ({
    path: ["routes", "podNetworks"],
    what: `is missing, which "${key}" needs`,
    hint: 'list the pod networks of the cluster, such as ["10.200.0.0/16"]',
    missing: true as const,
    drop: [["routes", key]],
  }));
};

/** The router's ways out belong to tenants, each with a table of its own. */
export const uplinkRule: Rule = ({ draft }) => {
  const uplinks = Object.entries(draft.router?.uplinks ?? {}).map(([name, uplink]) => {
    return {
      name,
      table: uplink.table ?? draft.tenants?.[name]?.table,
      path: ["router", "uplinks", name],
    };
  });
  return uplinks.flatMap(({ name, table, path }, i): readonly Problem[] => {
    if (name !== DEFAULT_UPLINK && draft.tenants?.[name] === undefined) {
      return [
        {
          path,
          what: "is not the name of a tenant",
          hint: 'use the name of a tenant, or "default"',
        },
      ];
    }
    if (table === undefined) {
      if (name === DEFAULT_UPLINK) return [];
      return [
        {
          path: [...path, "table"],
          what: "is missing, and the tenant has none either",
          hint: "write the number of the router's table",
          missing: true,
        },
      ];
    }
    const other = uplinks.slice(0, i).find((each) => each.table === table);
    if (other === undefined) return [];
    return [
      {
        path: [...path, "table"],
        what: `is ${table}, the table of uplink "${other.name}"`,
        hint: "give every uplink a table of its own",
      },
    ];
  });
};

/** The bounds of the times of `routes.watch`. */
export const watchRule: Rule = ({ draft }) =>
  (["interval", "timeout", "holdDown"] as const).flatMap((key) =>
    outOfRange(["routes", "watch", key], key, draft.routes.watch[key]),
  );

/** The problem of a time that is outside its bounds, if it is. */
export function outOfRange(
  path: readonly string[],
  key: DurationKey,
  text: string,
): readonly Problem[] {
  const ms = parseDuration(text);
  const { min, max } = DURATION_BOUNDS[key];
  if (ms >= min && ms <= max) return [];
  return [
    { path, what: `is "${text}", which is out of range`, hint: schemaAt(path)?.errorMessage ?? "" },
  ];
}

/** A translation as written, and the family that it must be of, if only one will do. */
type Written = readonly [
  path: readonly string[],
  snat: string | readonly string[] | undefined,
  family: Family | undefined,
];

function uplinkTranslations(name: string, { snat, snat6 }: DraftUplink): readonly Written[] {
  return [
    [["router", "uplinks", name, "snat"], snat, 4],
    [["router", "uplinks", name, "snat6"], snat6, 6],
  ];
}

function routerProblems({ nodes, lan, uplinks }: DraftRouter): readonly Problem[] {
  return [
    ...hostProblems(["router", "nodes"], nodes),
    ...networkProblems(["router", "lan"], lan ?? [], "would keep every packet to the main table"),
    ...Object.entries(uplinks).flatMap(([name, { via }]) =>
      hostProblems(["router", "uplinks", name, "via"], via ?? []),
    ),
  ];
}

function networkProblems(
  path: readonly string[],
  networks: readonly string[],
  everything: string,
): readonly Problem[] {
  return networks.flatMap((text, i) => networkProblem([...path, String(i)], text, everything));
}

/** `everything` says what /0 would do, which nobody means. */
function networkProblem(
  path: readonly string[],
  text: string,
  everything: string,
): readonly Problem[] {
  const network = parsePrefix(text);
  if (network !== undefined && network.length > 0) return [];
  return [wrong(path, text, network === undefined ? "is no address or network" : everything)];
}

function hostProblems(path: readonly string[], addresses: readonly string[]): readonly Problem[] {
  const problems = addresses.flatMap((text) => hostProblem(path, text));
  const families = addresses.map((text) => parseAddress(text)?.family);
  if (problems.length > 0 || new Set(families).size === families.length) return problems;
  return [
    { path, what: "has two addresses of one family", hint: "write one for each family at most" },
  ];
}

function hostProblem(path: readonly string[], text: string): readonly Problem[] {
  return parseAddress(text) === undefined
    ? [wrong(path, text, "is not the address of a host")]
    : [];
}

function nodeRouteProblems(nodeRoutes: readonly NodeRoute[]): readonly Problem[] {
  return nodeRoutes.flatMap(({ dst, via }, i) => {
    const path = ["routes", "nodeRoutes", String(i)];
    const problems = [
      ...networkProblem([...path, "dst"], dst, "would be a default route"),
      ...hostProblem([...path, "via"], via),
    ];
    if (problems.length > 0) return problems;
    if (parsePrefix(dst)?.family !== parseAddress(via)?.family) {
      return [
        {
          path,
          what: "has addresses of two families",
          hint: "write dst and via of the same family",
        },
      ];
    }
    const twice = nodeRoutes.slice(0, i).some((other) => sameNetwork(other.dst, dst));
    return twice
      ? [
          {
            path: [...path, "dst"],
            what: `is ${showValue([], dst)}, as of another route`,
            hint: "write one route for each network",
          },
        ]
      : [];
  });
}
