/** One GET on the agent's socket. */
import { request } from "node:http";
import { reasonOf } from "../../text/reason";

/** What became of it. `silent`: no answer in time; `dead`: nobody listens. */
export type Said =
  | { readonly kind: "answered"; readonly status: number; readonly body: string }
  | { readonly kind: "silent" }
  | { readonly kind: "dead"; readonly why: string };

/** The pages have a few KiB (bytes). */
const MAX_BYTES = 4 * 1024 * 1024;

/** Asks for `path` and waits `timeoutMs` for all of the answer. Never throws. */
export function askAgent(socketPath: string, path: string, timeoutMs: number): Promise<Said> {
  return new Promise((resolve) => {
    const end = (said: Said): void => {
      clearTimeout(timer);
      outgoing.destroy();
      resolve(said);
    };
    const timer = setTimeout(() => end({ kind: "silent" }), timeoutMs);
    const fail = (error: unknown): void => end({ kind: "dead", why: reasonOf(error) });
    const outgoing = request({ socketPath, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("error", fail);
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > MAX_BYTES) end({ kind: "dead", why: "it answers without an end" });
      });
      response.on("end", () => {
        end({ kind: "answered", status: response.statusCode ?? 0, body });
      });
    });
    outgoing.on("error", fail);
    outgoing.end();
  });
}
