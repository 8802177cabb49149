import type { Json, JsonObject } from "../lib/cni/json";
import type { LinkSpec } from "../lib/net/link";
import type { Mark } from "../lib/net/mark";
import type { Draft, DraftTenant } from "./draft";

/** One way out for a tenant's packets; used by the node routes, not by the plugin verbs. */
export type Gateway = NonNullable<DraftTenant["gateways"]>[number];

/** Networks that a tenant's packets reach by gateways of their own. */
export type TenantRoute = NonNullable<DraftTenant["routes"]>[number];

/** Source address of packets on their way out: as it is, the interface's, or these (one for each family). */
export type Translation = "none" | "masquerade" | readonly string[];

export interface Tenant {
  readonly name: string;
  readonly mark: Mark;
  /** Names and `*` globs of the namespaces that may use it; undefined: every namespace. */
  readonly namespaces: readonly string[] | undefined;
  readonly table: number | undefined;
  readonly gateways: readonly Gateway[];
  readonly routes: readonly TenantRoute[];
  /** undefined: the node routes touch nothing. */
  readonly snat: Translation | undefined;
  /** Bytes; undefined: what the interface allows. */
  readonly mtu: number | undefined;
  readonly onGatewayLoss: "stop" | "fallback";
  /** Whether unmarked packets from its own address pools take its table. */
  readonly poolRule: "auto" | "on" | "off";
  /** Networks that every address of its pods is in; undefined: any address is taken. */
  readonly pool: readonly string[] | undefined;
  /** JSON merge patch (RFC 7396) on the delegate's netconf. */
  readonly delegate: JsonObject | undefined;
}

/** Settings of `wrapper routes watch`. Times in milliseconds. */
export interface WatchConf {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly failAfter: number;
  readonly holdDownMs: number;
  readonly statusFile: string | undefined;
}

/** A route of the main table to another node's pods. */
export type NodeRoute = NonNullable<Draft["routes"]["nodeRoutes"]>[number];

/** The node routes apart from the tenants. Networks are as written: `address/length` or an address. */
export interface RoutesConf extends Omit<Draft["routes"], OtherwiseInRoutes> {
  readonly podNetworks: readonly string[];
  readonly nodeRoutes: readonly NodeRoute[];
  /** Each behind those that it needs. */
  readonly links: readonly LinkSpec[];
  readonly namesDir: string | undefined;
  readonly watch: WatchConf;
}
type OtherwiseInRoutes = "podNetworks" | "nodeRoutes" | "links" | "namesDir" | "watch";

/** A way out of the upstream router. */
export interface Uplink {
  readonly dev: string;
  readonly via: readonly string[];
  readonly table: number | undefined;
  readonly snat: Translation;
  readonly snat6: Translation;
}

/** The upstream router, for `wrapper routes router-config`. */
export interface RouterConf {
  readonly nodes: readonly string[];
  readonly lan: readonly string[];
  /** By tenant name, or `default`. */
  readonly uplinks: Readonly<Record<string, Uplink>>;
}

/** Settings of the resident agent. Times in milliseconds. */
export interface AgentConf extends Pick<Draft["agent"], "socket" | "requests" | "metricsAddress"> {
  readonly queueTimeoutMs: number;
  readonly reconcileIntervalMs: number;
  readonly namespaceIntervalMs: number;
  readonly lookIntervalMs: number;
  /** undefined: no TCP port. */
  readonly metricsPort: number | undefined;
}

/** Settings that are used as they are written, defaults included. */
type AsWritten =
  | "type"
  | "cniVersion"
  | "onError"
  | "onAnnotationChange"
  | "markReplies"
  | "backend"
  | "guard"
  | "iptables"
  | "dataDir"
  | "logLevel";

/** Our plugin object after validation: defaults applied, frozen. Times in milliseconds. */
export interface PluginConf extends Pick<Draft, AsWritten> {
  readonly name: string;
  /** undefined: chained mode, after a main plugin. */
  readonly delegate: JsonObject | undefined;
  /** Absolute path; undefined: annotations come from the runtime only. */
  readonly kubeconfig: string | undefined;
  readonly annotationKeys: readonly string[];
  /** undefined: no catalogue, any non-zero mark is accepted. */
  readonly tenants: readonly Tenant[] | undefined;
  readonly defaultMask: number;
  readonly exemptNamespaces: readonly string[];
  readonly logFile: string | undefined;
  readonly apiTimeoutMs: number;
  readonly delegateTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly routes: RoutesConf;
  readonly router: RouterConf | undefined;
  readonly agent: AgentConf;
  readonly runtimeConfig: JsonObject | undefined;
  readonly args: Json | undefined;
  readonly dns: Json | undefined;
  /** prevResult as parsed; undefined when absent. */
  readonly prevResult: Json | undefined;
  /** `cni.dev/valid-attachments` and the older `cni.dev/attachments`, whichever are present, verbatim. */
  readonly gc: JsonObject;
}
