/** Pure: what the API server has answered, as a reconciler sees pods. */
import type { ApiLook } from "../../kube/watch/once";
import type { PodView } from "../../reconcile/ports";

/** The pods of this node and the namespaces that could be read. `pods`: those of the answer. */
export function viewOfApi(
  pods: Extract<ApiLook["pods"], { readonly value: unknown }>["value"],
  namespaces: ApiLook["namespaces"],
): PodView {
  const byName = new Map(pods.map((seen) => [`${seen.namespace}/${seen.name}`, seen]));
  return {
    pod: (namespace, name) => {
      const seen = byName.get(`${namespace}/${name}`);
      return seen?.annotations && { uid: seen.uid, annotations: seen.annotations };
    },
    namespace: (name) => {
      const found = namespaces.get(name);
      return found !== undefined && "value" in found ? found.value : undefined;
    },
  };
}
