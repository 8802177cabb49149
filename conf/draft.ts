import type { Json, JsonObject } from "../lib/cni/json";
import type { LogLevel } from "../lib/ports";
import type { Gateway, NodeRoute, RoutesConf } from "./types";

export interface DraftTenant {
  readonly fwmark: string;
  readonly namespaces?: readonly string[];
  readonly table?: number;
  readonly gateways?: readonly Gateway[];
  readonly snat?: string | readonly string[];
  readonly mtu?: number;
  readonly onGatewayLoss: "stop" | "fallback";
  readonly delegate?: JsonObject;
}

export interface DraftMark {
  readonly mark: number;
  readonly mask?: number;
}

export interface DraftRoutes extends Omit<
  RoutesConf,
  "namesDir" | "watch" | "podNetworks" | "nodeRoutes"
> {
  readonly podNetworks?: readonly string[];
  readonly nodeRoutes?: readonly NodeRoute[];
  readonly namesDir: string;
  readonly watch: {
    readonly interval: string;
    readonly timeout: string;
    readonly failAfter: number;
    readonly holdDown: string;
    readonly statusFile: string;
  };
}

export interface DraftUplink {
  readonly dev: string;
  readonly via?: readonly string[];
  readonly table?: number;
  readonly snat: string | readonly string[];
  readonly snat6: string | readonly string[];
}

export interface DraftRouter {
  readonly nodes: readonly string[];
  readonly lan?: readonly string[];
  readonly uplinks: Readonly<Record<string, DraftUplink>>;
}

/** The plugin object once it satisfies the schema: defaults are in, values are still as written. */
export interface Draft {
  readonly [cniKey: `cni.dev/${string}`]: Json | undefined;
  readonly type: string;
  readonly name?: string;
  readonly cniVersion: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly runtimeConfig?: JsonObject | null;
  readonly prevResult?: JsonObject | null;
  readonly args?: Json;
  readonly dns?: Json;
  readonly delegate?: JsonObject & { readonly type: string };
  readonly kubeconfig?: string;
  readonly annotationKey: string | readonly string[];
  readonly tenants?: Readonly<Record<string, DraftTenant>>;
  readonly marks?: Readonly<Record<string, DraftMark>>;
  readonly mask: string | number;
  readonly onError: "deny" | "allow";
  readonly exemptNamespaces?: readonly string[];
  readonly markReplies: boolean;
  readonly iptables: "auto" | "nft" | "legacy";
  readonly dataDir: string;
  readonly logFile: string;
  readonly logLevel: LogLevel;
  readonly apiTimeout: string;
  readonly delegateTimeout: string;
  readonly lockTimeout: string;
  readonly routes: DraftRoutes;
  readonly router?: DraftRouter;
}
