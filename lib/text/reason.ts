/**
 * Why a system call failed, in short: the errno name, else the message. A `code`
 * of "" is none: rmSync has no name for a read-only disk, and says ", Unknown error: ...".
 */
export function reasonOf(error: unknown): string {
  const { code, message } = Object(error) as {
    readonly code?: unknown;
    readonly message?: unknown;
  };
  if (typeof code === "string" && code !== "") return code;
  return typeof message === "string" ? message.replace(/^[\s,]+/, "") : String(error);
}
