import { systemClock } from "../lib/node/clock";

/**
 * STATUS's view of the kubeconfig: would it do for an ADD? Whether the API server answers is not asked. Loaded as late
 * as for ADD: TLS and the kubeconfig reader cost more than all the rest. Throws the CniError that ADD would throw.
 */
export async function checkKubeconfigFile(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const { checkKubeconfig } = await import("../lib/kube/source");
  await checkKubeconfig(path, systemClock);
}
