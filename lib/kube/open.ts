import type { Clock } from "../ports";
import { type Credentials, loadCredentials, type UsePlugin } from "./credentials";
import { type Kubeconfig, loadKubeconfig } from "./kubeconfig";
import { RotationError } from "./errors";

/** How long the kubelet may take between removing and writing a credential file. */
export const ROTATION_PAUSE_MS = 50;

/**
 * The kubeconfig at `path` and its credentials, as they are now: trusted, complete, fitting together, not
 * expired. The one check for ADD and STATUS. Files that the kubelet may be replacing are read once more.
 * Throws CniError `kubeconfig`, `unauthorized` for an expired client certificate, and what `usePlugin` throws.
 */
export async function openKubeconfig(
  path: string,
  clock: Clock,
  usePlugin: UsePlugin,
): Promise<[Kubeconfig, Credentials]> {
  const load = async (): Promise<[Kubeconfig, Credentials]> => {
    const kubeconfig = loadKubeconfig(path);
    return [kubeconfig, await loadCredentials(kubeconfig, clock.now(), usePlugin)];
  };
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    await clock.sleep(ROTATION_PAUSE_MS);
    return load();
  }
}
