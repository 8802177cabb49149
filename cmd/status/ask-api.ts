import { hostname } from "node:os";
import type { PluginConf } from "../../conf/types";
import type { readEntries } from "../../lib/checks/pods/look";
import type { ApiLook } from "../../lib/kube/watch/once";
import { systemClock } from "../../lib/node/clock";

type Entry = ReturnType<typeof readEntries> extends ReadonlyMap<string, infer E> ? E : never;

/** How long the API server may take for an answer where nobody waits for it alone (ms). */
const API_MS = 1000;

/**
 * What an ADD would be answered, asked once. `entries`: of the journal; their namespaces are asked for too. `timeoutMs`: for each
 * request. Loaded late, as
 * for ADD: TLS and the kubeconfig's reader cost more than all the rest.
 */
export async function askApi(
  { kubeconfig = "", annotationKeys }: PluginConf,
  entries: Iterable<Entry>,
  timeoutMs = API_MS,
): Promise<ApiLook> {
  const namespaces = [...entries].flatMap((entry) =>
    typeof entry === "string" ? [] : (entry.pod?.namespace ?? []),
  );
  const { lookAtApi } = await import("../../lib/kube/watch/once");
  return lookAtApi({
    ...{ kubeconfigPath: kubeconfig, timeoutMs, clock: systemClock },
    keys: new Set(annotationKeys),
    // One that is always there shows whether namespaces may be read at all.
    namespaces: [...new Set(["default", ...namespaces])],
    nodeName: nodeName(),
  });
}

/** What the cluster calls this machine, as far as it can be known here. */
export function nodeName(): string {
  return process.env["NODE_NAME"] ?? hostname().toLowerCase();
}
