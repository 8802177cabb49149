import { CniError } from "../cni/error";

/**
 * A credential file that is missing or half-written, as it is for a moment while the kubelet
 * replaces a certificate: worth exactly one more look.
 */
export class RotationError extends CniError {
  constructor(message: string, cause: unknown) {
    super("kubeconfig", message, { cause });
    this.name = "RotationError";
  }
}
