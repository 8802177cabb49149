import { request } from "node:http";
import { CniError } from "../../lib/cni/error";
import { reasonOf } from "../../lib/text/reason";

const TIMEOUT_MS = 5000;
const MOST_BYTES = 4 * 1024 * 1024;

/** A page of the agent, asked for on its socket. Throws CniError `io` when nobody answers. */
export function agentPage(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(new CniError("io", `no agent answers on ${socketPath}: ${reasonOf(error)}`));
    const asked = request({ socketPath, path, timeout: TIMEOUT_MS }, (response) => {
      let body = `${path}: ${response.statusCode ?? 0}\n`;
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        if (body.length < MOST_BYTES) body += piece;
      });
      response.on("end", () => resolve(body)).on("error", fail);
    });
    asked.on("timeout", () => asked.destroy(new Error("it did not answer in time")));
    asked.on("error", fail).end();
  });
}
