import type { Json, JsonObject, LogLevel } from "../lib/ports";
import type { Gateway } from "./types";

export interface DraftTenant {
  readonly fwmark: string;
  readonly namespaces?: readonly string[];
  readonly table?: number;
  readonly gateways?: readonly Gateway[];
  readonly delegate?: JsonObject;
}

export interface DraftMark {
  readonly mark: number;
  readonly mask?: number;
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
}
