import { request } from "node:http";
import { text } from "node:stream/consumers";

/** What to ask of a control socket; the routes are in control.ts. */
export interface ControlCall {
  readonly method: string;
  readonly path: string;
  /** YAML for objects, JSON for faults. */
  readonly body?: string;
}

/** Calls the control socket of a server in another process. Rejects with the server's own words. */
export async function callControl(socketPath: string, call: ControlCall): Promise<unknown> {
  const { status, body } = await new Promise<{ status: number; body: string }>(
    (resolve, reject) => {
      const req = request({ socketPath, method: call.method, path: call.path }, (res) => {
        text(res).then((body) => resolve({ status: res.statusCode ?? 0, body }), reject);
      });
      req.on("error", reject).end(call.body);
    },
  );
  const answer: unknown = JSON.parse(body);
  if (status !== 200) throw new Error((answer as { error: string }).error);
  return answer;
}
