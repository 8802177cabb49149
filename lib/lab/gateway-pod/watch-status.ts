/** What the watcher of the lab `gateway-pod` says about the tenant, in its status file. */
import { existsSync, readFileSync } from "node:fs";
import { isObject, own, parseJson, type Json, type JsonObject } from "../../cni/json";
import type { Stage } from "../kit/lab";
import { statusFile } from "./conflists";

/** `ok`, `degraded`, `stopped`; "" as long as the watcher has not said anything. */
export function tenantState(stage: Stage): string {
  return String(own(tenant(stage), "state") ?? "");
}

/** `up`, `down`, `hold-down` and the like; "" when it is not known. */
export function gatewayState(stage: Stage, via: string): string {
  const gateway = objects(own(tenant(stage), "gateways")).find((each) => own(each, "via") === via);
  return String(own(gateway ?? {}, "state") ?? "");
}

function tenant(stage: Stage): JsonObject {
  const path = statusFile(stage);
  const status = existsSync(path) ? parseJson(readFileSync(path), path) : undefined;
  return (isObject(status) ? objects(own(status, "tenants"))[0] : undefined) ?? {};
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}
