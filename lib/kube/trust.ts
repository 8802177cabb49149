/** Who can change a kubeconfig. Apart, because reading one loads far more. */

/** The file itself. */
export interface FileFacts {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
}

/** True for a file that others than root and we can change (`mode`), or that belongs to somebody else (`owner`). */
export function distrust({ mode, uid }: FileFacts): "mode" | "owner" | undefined {
  if ((mode & 0o022) !== 0) return "mode";
  return uid !== 0 && uid !== process.geteuid?.() ? "owner" : undefined;
}
