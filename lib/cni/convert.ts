/**
 * Results between spec versions: 0.1/0.2 (ip4, ip6) - 0.3/0.4 (ips with `version`) - 1.x.
 * Rules from the reference implementation (pkg/types/020, 040, 100). Needed only for a delegate that
 * answers in another version than the one it was asked for.
 */
import { CniError } from "./error";
import { isObject, own, type Json, type JsonObject } from "./json";
import { atLeast, type CniVersion } from "./version";

type Shape = "legacy" | "versioned" | "plain";

/** Fields that only 1.1 knows (SPEC.md, "Success"); dropped on the way down. */
const NEW_IN_1_1 = {
  interfaces: ["mtu", "socketPath", "pciID"],
  routes: ["mtu", "advmss", "priority", "table", "scope"],
};

/**
 * Converts a result between two supported versions. Throws CniError `delegateResult` when the
 * target cannot express it (no address at all for 0.1/0.2).
 */
export function convertResult(
  result: JsonObject,
  from: CniVersion,
  to: CniVersion,
  source: string,
): JsonObject {
  const [before, after] = [shapeOf(from), shapeOf(to)];
  let json = atLeast(from, "1.1.0") && !atLeast(to, "1.1.0") ? withoutNewFields(result) : result;
  if (before === "legacy" && after !== "legacy") json = fromLegacy(json);
  if (after === "legacy" && before !== "legacy") json = toLegacy(json, source);
  if (after === "versioned") json = withIpVersions(json);
  if (after === "plain" && before === "versioned") json = withoutIpVersions(json);
  return { ...json, cniVersion: to };
}

function shapeOf(version: CniVersion): Shape {
  if (!atLeast(version, "0.3.0")) return "legacy";
  return atLeast(version, "1.0.0") ? "plain" : "versioned";
}

function fromLegacy(json: JsonObject): JsonObject {
  const ips: JsonObject[] = [];
  const routes: Json[] = [];
  for (const [key, version] of [
    ["ip4", "4"],
    ["ip6", "6"],
  ] as const) {
    const entry = own(json, key);
    if (!isObject(entry)) continue;
    const gateway = own(entry, "gateway");
    ips.push({
      version,
      address: own(entry, "ip") ?? null,
      ...(gateway === undefined ? {} : { gateway }),
    });
    routes.push(...list(own(entry, "routes")));
  }
  const { ip4: _4, ip6: _6, ...rest } = json;
  const all: JsonObject = { ...rest, ips, ...(routes.length > 0 ? { routes } : {}) };
  return withoutIpVersions(all);
}

function toLegacy(json: JsonObject, source: string): JsonObject {
  const { ips: _ips, routes: _routes, interfaces: _interfaces, ...rest } = json;
  const out: Record<string, Json> = { ...rest };
  for (const entry of list(own(json, "ips")).filter(isObject)) {
    const address = own(entry, "address");
    if (typeof address !== "string") continue;
    const v6 = address.includes(":");
    const key = v6 ? "ip6" : "ip4";
    if (out[key] !== undefined) continue;
    const gateway = own(entry, "gateway");
    const routes = list(own(json, "routes")).filter(
      (r) => isObject(r) && String(own(r, "dst")).includes(":") === v6,
    );
    out[key] = {
      ip: address,
      ...(gateway === undefined ? {} : { gateway }),
      ...(routes.length > 0 ? { routes } : {}),
    };
  }
  if (out["ip4"] === undefined && out["ip6"] === undefined) {
    throw new CniError(
      "delegateResult",
      `the result of ${source} has no address, which CNI 0.1/0.2 cannot express`,
    );
  }
  return out;
}

function withIpVersions(json: JsonObject): JsonObject {
  return mapList(json, "ips", (ip) => ({
    version: String(own(ip, "address")).includes(":") ? "6" : "4",
    ...ip,
  }));
}

function withoutIpVersions(json: JsonObject): JsonObject {
  return mapList(json, "ips", (ip) => omit(ip, ["version"]));
}

function withoutNewFields(json: JsonObject): JsonObject {
  const fewer = mapList(json, "interfaces", (i) => omit(i, NEW_IN_1_1.interfaces));
  return mapList(fewer, "routes", (r) => omit(r, NEW_IN_1_1.routes));
}

function mapList(
  json: JsonObject,
  key: string,
  change: (entry: JsonObject) => JsonObject,
): JsonObject {
  const entries = own(json, key);
  if (!Array.isArray(entries)) return json;
  return { ...json, [key]: (entries as readonly Json[]).map((e) => (isObject(e) ? change(e) : e)) };
}

function omit(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
