import { Writable } from "node:stream";

/**
 * Keeps to itself what Node writes to stderr on its own: NODE_DEBUG, in the runtime's environment, makes it print the
 * environment of child processes and what goes over connections, credentials included. It uses
 * process.stderr (internal/util/debuglog, and for warnings console.error); we never do, see cmd/io
 * (decision 0048).
 */
export function muteNode(): void {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  Object.defineProperty(process, "stderr", {
    value: nowhere,
    configurable: true,
    enumerable: true,
  });
}
