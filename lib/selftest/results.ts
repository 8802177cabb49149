/** What the self-test found out, check by check. */
import type { Family } from "../net/family";

/** In the order of the table. */
export const PROPERTIES = {
  delegate: "pods are attached",
  routes: "node routes",
  gateway: "own gateway",
  networks: "networks by own gateways",
  cluster: "cluster traffic stays",
  reply: "reply path",
  mask: "foreign marks survive",
  closed: "fail-closed",
  reuse: "address reuse",
  loss: "lost gateway stops",
  local: "local rule at 100",
  del: "DEL leaves nothing",
} as const;

export type Property = keyof typeof PROPERTIES;
export type Result = "ok" | "FAILED" | "not applicable";

/** Whom a check is about; nobody in particular when both are left out. */
export interface About {
  readonly tenant?: string;
  readonly family?: Family;
}

export interface Check extends About {
  readonly property: Property;
  readonly result: Result;
  /** What was seen, half a sentence; "" when all is well. */
  readonly reason: string;
  /** What to do; "" when there is nothing. */
  readonly remedy: string;
}

export interface Results {
  ok(property: Property, about?: About): void;
  fail(property: Property, about: About, reason: string, remedy: string): void;
  /** The property cannot hold or fail here; the remedy is for those who want it nevertheless. */
  skip(property: Property, about: About, reason: string, remedy?: string): void;
  /** Something that the operator should know and that is no property. A repeated text is kept once. */
  note(text: string): void;
  checks(): readonly Check[];
  notes(): readonly string[];
}

/** Results without any check yet. */
export function createResults(): Results {
  const checks: Check[] = [];
  const notes = new Set<string>();
  return {
    ok: (property, about = {}) =>
      void checks.push({ ...about, property, result: "ok", reason: "", remedy: "" }),
    fail: (property, about, reason, remedy) =>
      void checks.push({ ...about, property, result: "FAILED", reason, remedy }),
    skip: (property, about, reason, remedy = "") =>
      void checks.push({ ...about, property, result: "not applicable", reason, remedy }),
    note: (text) => void notes.add(text),
    checks: () => [...checks],
    notes: () => [...notes],
  };
}
