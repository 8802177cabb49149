import type { Json, JsonObject, LogLevel } from "../lib/ports";
import type { Mark } from "../lib/mark";

/** One way out for a tenant's packets; used by the node routes, not by the plugin verbs. */
export interface Gateway {
  readonly via?: string;
  readonly dev?: string;
  readonly weight?: number;
}

export interface Tenant {
  readonly name: string;
  readonly mark: Mark;
  /** Names and `*` globs of the namespaces that may use it; undefined: every namespace. */
  readonly namespaces: readonly string[] | undefined;
  readonly table: number | undefined;
  readonly gateways: readonly Gateway[];
  /** JSON merge patch (RFC 7396) on the delegate's netconf. */
  readonly delegate: JsonObject | undefined;
}

/** Our plugin object after validation: defaults applied, frozen. Times in milliseconds. */
export interface PluginConf {
  readonly name: string;
  readonly cniVersion: string;
  readonly type: string;
  /** undefined: chained mode, after a main plugin. */
  readonly delegate: JsonObject | undefined;
  /** Absolute path; undefined: annotations come from the runtime only. */
  readonly kubeconfig: string | undefined;
  readonly annotationKeys: readonly string[];
  /** undefined: no catalogue, any non-zero mark is accepted. */
  readonly tenants: readonly Tenant[] | undefined;
  readonly defaultMask: number;
  readonly onError: "deny" | "allow";
  readonly exemptNamespaces: readonly string[];
  readonly markReplies: boolean;
  readonly iptables: "auto" | "nft" | "legacy";
  readonly dataDir: string;
  readonly logFile: string | undefined;
  readonly logLevel: LogLevel;
  readonly apiTimeoutMs: number;
  readonly delegateTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly runtimeConfig: JsonObject | undefined;
  readonly args: Json | undefined;
  readonly dns: Json | undefined;
  /** prevResult as parsed; undefined when absent. */
  readonly prevResult: Json | undefined;
  /** `cni.dev/valid-attachments` and the older `cni.dev/attachments`, whichever are present, verbatim. */
  readonly gc: JsonObject;
}
