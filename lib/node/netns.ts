import { statSync, type BigIntStats } from "node:fs";
import { CniError } from "../cni/error";
import type { Request } from "../cni/request";

/**
 * Refuses the host's own network namespace before anything is touched: an old delegate would build
 * the pod's interface on the node. The delegate judges a path that cannot be
 * opened. CNI_NETNS_OVERRIDE allows the host's (pkg/skel). Throws CniError `invalidNetns`.
 */
export function refuseHostNetns(request: Request): void {
  if (request.netns === "" || request.netnsOverride) return;
  const target = identity(request.netns);
  const own = statSync("/proc/self/ns/net", { bigint: true });
  if (target === undefined || target.ino !== own.ino || target.dev !== own.dev) return;
  throw new CniError(
    "invalidNetns",
    `CNI_NETNS ${request.netns} is the node's own network namespace: a pod with hostNetwork needs no CNI ` +
      `(CNI_NETNS_OVERRIDE=1 allows it)`,
  );
}

// `throwIfNoEntry` covers ENOENT only; ELOOP, EACCES and ENAMETOOLONG are thrown.
function identity(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
