import { CniError, type ErrorKind } from "../cni/error";

/**
 * A credential file that is missing or half-written, as it is for a moment while the kubelet
 * replaces a certificate, or that should have been replaced: worth exactly one more look.
 */
export class RotationError extends CniError {
  constructor(message: string, cause: unknown, kind: ErrorKind = "kubeconfig") {
    super(kind, message, { cause });
    this.name = "RotationError";
  }
}
