import { accessSync, constants } from "node:fs";
import { CniError } from "../lib/cni/error";

/** STATUS's view of the kubeconfig: there and readable; whether the API answers is not asked. */
export function checkKubeconfigFile(path: string | undefined): void {
  if (path === undefined) return;
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new CniError("kubeconfig", `kubeconfig ${path} cannot be read (${code}): create it, or change "kubeconfig" in the conflist`);
  }
}
