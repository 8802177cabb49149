import type { JsonObject } from "../lib/ports";
import { own, quote } from "../lib/cni/json";
import { ipamProblem, mtuProblem } from "./common";

/**
 * What is particular to ptp: a veth pair with host routes. It cannot run without IPAM (ADD, DEL
 * and CHECK all call it), and forwards by the node's own tables, which is what tenants rely on.
 */
export function ptpProblems(delegate: JsonObject): readonly string[] {
  const ipMasq = own(delegate, "ipMasq");
  return [
    ipamProblem(delegate),
    mtuProblem(delegate),
    ipMasq === undefined || typeof ipMasq === "boolean"
      ? undefined
      : `"ipMasq" must be true or false, got ${quote(ipMasq)}`,
  ].filter((problem) => problem !== undefined);
}
