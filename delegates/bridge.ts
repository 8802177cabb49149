import type { JsonObject } from "../lib/ports";
import { own, quote } from "../lib/cni/json";
import { ipamProblem, mtuProblem } from "./common";

const SWITCHES = [
  "isGateway",
  "isDefaultGateway",
  "forceAddress",
  "ipMasq",
  "hairpinMode",
  "promiscMode",
] as const;

/**
 * What is particular to bridge: pods share an L2 segment, so the node sees their packets in
 * PREROUTING only when it is their gateway; a bridge without `isGateway` or `isDefaultGateway`
 * would carry tenants past us.
 */
export function bridgeProblems(delegate: JsonObject): readonly string[] {
  const name = own(delegate, "bridge");
  const gateway = own(delegate, "isGateway") === true || own(delegate, "isDefaultGateway") === true;
  return [
    ipamProblem(delegate),
    mtuProblem(delegate),
    name === undefined || isInterfaceName(name)
      ? undefined
      : `"bridge" must be an interface name of 1 to 15 bytes, got ${quote(name)}`,
    gateway
      ? undefined
      : `"isGateway" or "isDefaultGateway" must be true, or the pods' packets never pass the node's routing`,
    ...SWITCHES.map((key) => {
      const value = own(delegate, key);
      return value === undefined || typeof value === "boolean"
        ? undefined
        : `"${key}" must be true or false, got ${quote(value)}`;
    }),
  ].filter((problem) => problem !== undefined);
}

function isInterfaceName(value: unknown): boolean {
  return (
    typeof value === "string" && /^[^/:\s]{1,15}$/.test(value) && value !== "." && value !== ".."
  );
}
