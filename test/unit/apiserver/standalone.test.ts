import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { get as httpsGet } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { KUBELET_TOKEN } from "../../apiserver/api-server";
import { callControl } from "../../apiserver/control-client";
import { removeScratch, scratch } from "./client";

const run = promisify(execFile);
const ROOT = join(__dirname, "..", "..", "..");
const WEB = "/api/v1/namespaces/team-a/pods/web-0";

interface Ready {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly kubeconfigs: Readonly<Record<string, string>>;
}

let bundle: string;
let socket: string;
let dir: string;
let child: ChildProcess;
let ready: Ready;

const control = (method: string, path: string, body?: string): Promise<unknown> =>
  callControl(socket, { method, path, ...(body === undefined ? {} : { body }) });

/** Status of one GET with the kubelet's token, or the error's code. */
function status(path: string): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const options = {
      host: "127.0.0.1",
      port: ready.port,
      path,
      agent: false,
      ca: readFileSync(join(dir, "pki", "ca.crt")),
      headers: { authorization: `Bearer ${KUBELET_TOKEN}` },
    };
    httpsGet(options, (res) => resolve(res.resume().statusCode)).on(
      "error",
      (error: NodeJS.ErrnoException) => resolve(error.code),
    );
  });
}

beforeAll(async () => {
  const base = scratch();
  [bundle, socket, dir] = [join(base, "apiserver.cjs"), join(base, "api.sock"), join(base, "api")];
  await run(process.execPath, [join(ROOT, "test/apiserver/build.mjs"), bundle]);
  const args = [
    bundle,
    "--dir",
    dir,
    "--control",
    socket,
    "--node",
    "worker-7",
    "--kubeconfig",
    "kubelet",
    "--kubeconfig",
    "token",
    "--objects",
    join(ROOT, "manifests/tenants.yaml"),
    "--objects",
    join(ROOT, "manifests/rbac.yaml"),
  ];
  child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout === null) throw new Error("no stdout");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  ready = JSON.parse(line) as Ready;
});

afterAll(async () => {
  if (child.exitCode === null) child.kill("SIGKILL");
  removeScratch();
});

test("the first line says where it is and what there is", () => {
  expect(ready).toMatchObject({ url: `https://127.0.0.1:${ready.port}`, pid: child.pid });
  expect(Object.keys(ready.kubeconfigs)).toEqual(["kubelet", "token"]);
  for (const path of Object.values(ready.kubeconfigs))
    expect(readFileSync(path, "utf8")).toContain(ready.url);
});

test("it serves what the files had", async () => {
  expect(await status(WEB)).toBe(200);
  expect(await status("/api/v1/namespaces/team-b")).toBe(200);
  expect(await control("GET", "/objects/pods/team-a/web-0")).toMatchObject({
    spec: { nodeName: "worker-7" },
  });
});

test("the control socket is private", () => {
  expect(statSync(socket).mode & 0o777).toBe(0o600);
});

test("faults and the request log by control", async () => {
  await control("DELETE", "/requests");
  expect(
    await control("POST", "/faults", '{"kind":"status","code":503,"path":"*/pods/*","count":1}'),
  ).toBe(1);
  expect(await control("GET", "/faults")).toMatchObject([{ id: 1, left: 1 }]);
  expect([await status(WEB), await status(WEB), await status("/healthz")]).toEqual([503, 200, 200]);
  expect(await control("GET", "/requests?path=*/pods/*")).toMatchObject([
    { path: WEB, user: "system:node:worker-7", status: 503, faults: ["status"] },
    { path: WEB, status: 200, faults: [] },
  ]);
  await control("POST", "/faults", '{"kind":"reset"}');
  expect(await status(WEB)).toBe("ECONNRESET");
  await control("DELETE", "/faults");
  expect(await status(WEB)).toBe(200);
});

test("objects come and go by control", async () => {
  const made = await control(
    "POST",
    "/objects",
    "{apiVersion: v1, kind: Pod, metadata: {name: new, namespace: team-a}}",
  );
  expect(made).toMatchObject([
    { resource: "pods", namespace: "team-a", name: "new", uid: expect.any(String) as unknown },
  ]);
  expect(await status("/api/v1/namespaces/team-a/pods/new")).toBe(200);
  expect(await control("DELETE", "/objects/pods/team-a/new")).toBe(true);
  expect(await status("/api/v1/namespaces/team-a/pods/new")).toBe(403);
  expect(await control("DELETE", "/objects/namespaces/-/plain")).toBe(true);
  expect(await control("GET", "/objects/namespaces/-/plain")).toBeNull();
});

test("kubeconfigs, certificates, stop and start by control", async () => {
  expect(existsSync(String(await control("POST", "/kubeconfigs/exec")))).toBe(true);
  expect(existsSync(String(await control("POST", "/rotate-kubelet-client?removeOld")))).toBe(true);
  await control("POST", "/serving-cert/expired");
  expect(await status(WEB)).toBe("CERT_HAS_EXPIRED");
  await control("POST", "/serving-cert/valid");
  await control("POST", "/stop");
  expect(await status(WEB)).toBe("ECONNREFUSED");
  await control("POST", "/start");
  expect(await status(WEB)).toBe(200);
});

test("control mistakes are told", async () => {
  await expect(control("POST", "/faults", '{"kind":"explode"}')).rejects.toThrow(
    'unknown fault kind "explode"',
  );
  await expect(control("POST", "/kubeconfigs/nope")).rejects.toThrow('"nope" is none of kubelet, ');
  await expect(control("GET", "/nope")).rejects.toThrow("no control route GET /nope");
});

test("the bundle is its own control client", async () => {
  const { stdout } = await run(process.execPath, [bundle, "control", socket, "GET", "/info"]);
  expect(JSON.parse(stdout)).toMatchObject({ port: ready.port, nodeName: "worker-7" });
});

test("a wrong command line is told, with exit status 2", async () => {
  await expect(run(process.execPath, [bundle])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^apiserver: --dir is required\nusage: /) as unknown,
  });
  await expect(
    run(process.execPath, [bundle, "--dir", dir, "--serving-cert", "odd"]),
  ).rejects.toMatchObject({ code: 2 });
});

test("SIGTERM ends it", async () => {
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});
