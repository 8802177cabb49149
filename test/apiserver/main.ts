import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startApiServer, type ApiServerOptions } from "./api-server";
import { startControl } from "./control";
import { callControl } from "./control-client";
import { KUBECONFIG_KINDS } from "./kubeconfig";
import { NODE_AUTHORIZATIONS } from "./node-authorizer";
import { oneOf } from "./one-of";
import { SERVING_CERTS } from "./pki";

const USAGE = `usage: apiserver --dir DIR [options]         serve until SIGTERM or SIGINT
       apiserver control SOCKET METHOD PATH [BODY]
options: --objects FILE (repeatable)   --node NAME        --host ADDRESS   --port N
         --advertise ADDRESS           --name NAME (certificate, repeatable)
         --kubeconfig KIND (repeatable, default kubelet)  --control SOCKET
         --serving-cert valid|expired|other-name|other-ca --node-authorization graph|uniform
When it listens, one line of JSON goes to stdout: url, port, pid, kubeconfigs {kind: path}, control.
`;

const one = { type: "string" } as const;
const many = { type: "string", multiple: true, default: [] as string[] } as const;

function readServeArgs(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      dir: one,
      node: one,
      host: one,
      port: one,
      advertise: one,
      control: one,
      "serving-cert": one,
      "node-authorization": one,
      objects: many,
      name: many,
      kubeconfig: many,
    },
  });
  const { dir, node, host, advertise } = values;
  if (dir === undefined) throw new Error("--dir is required");
  const options: ApiServerOptions = {
    dir,
    objects: values.objects.map((file) => readFileSync(file, "utf8")),
    names: values.name,
    port: Number(values.port ?? "0"),
    servingCert: oneOf(SERVING_CERTS, values["serving-cert"] ?? "valid"),
    nodeAuthorization: oneOf(NODE_AUTHORIZATIONS, values["node-authorization"] ?? "graph"),
    ...(node === undefined ? {} : { nodeName: node }),
    ...(host === undefined ? {} : { host }),
    ...(advertise === undefined ? {} : { advertise }),
  };
  const kinds = values.kubeconfig.length === 0 ? ["kubelet"] : values.kubeconfig;
  return {
    options,
    kinds: kinds.map((kind) => oneOf(KUBECONFIG_KINDS, kind)),
    socket: values.control,
  };
}

async function serve(args: string[]): Promise<void> {
  const { options, kinds, socket } = readServeArgs(args);
  const api = await startApiServer(options);
  const kubeconfigs = Object.fromEntries(kinds.map((kind) => [kind, api.kubeconfig(kind)]));
  const stopControl = socket === undefined ? undefined : await startControl(api, socket);
  const ready = {
    url: api.url,
    port: api.port,
    pid: process.pid,
    kubeconfigs,
    control: socket ?? null,
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  const stop = (): void =>
    void Promise.all([api.close(), stopControl?.()]).then(() => process.exit(0));
  process.once("SIGTERM", stop).once("SIGINT", stop);
}

async function control([socket, method, path, body]: readonly string[]): Promise<void> {
  if (socket === undefined || method === undefined || path === undefined)
    throw new Error("three arguments are required");
  const answer = await callControl(socket, {
    method,
    path,
    ...(body === undefined ? {} : { body }),
  });
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const args = process.argv.slice(2);
(args[0] === "control" ? control(args.slice(1)) : serve(args)).catch((error: unknown) => {
  process.stderr.write(
    `apiserver: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`,
  );
  process.exitCode = 2;
});
