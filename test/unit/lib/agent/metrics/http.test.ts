import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, createServer as createTcp, type AddressInfo, type Socket } from "node:net";
import { createHttpDoor, type HttpDoor, type Pages } from "../../../../../lib/agent/metrics/http";
import { eventually, useRig } from "../harness";

const rig = useRig();

const PAGES: Pages = {
  contentType: "text/plain; version=0.0.4",
  metrics: async () => "up 1\n",
  sickness: () => [],
  unready: async () => [],
};

let door: HttpDoor;
const open = (part: Partial<Pages> = {}): HttpDoor =>
  (door = createHttpDoor({ ...PAGES, ...part }));
afterEach(() => door.close());

interface Answer extends Pick<IncomingMessage, "statusCode" | "headers"> {
  readonly text: string;
}

type Target = { readonly socketPath: string } | { readonly host: string; readonly port: number };

function get(target: Target, path: string, method = "GET", body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...target, path, method, agent: false }, (response) => {
      let text = "";
      response.on("data", (piece: Buffer) => (text += piece.toString()));
      response.on("end", () => {
        const { statusCode, headers } = response;
        resolve({ statusCode, headers, text });
      });
    });
    request.on("error", reject).end(body);
  });
}

/** Everything that comes back for these bytes, until the end. */
function raw(socket: Socket, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (piece: Buffer) => (text += piece.toString()));
    socket.on("error", () => {}).on("close", () => resolve(text));
    socket.write(bytes);
  });
}

async function freePort(): Promise<number> {
  const server = createTcp().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(part: Partial<Pages> = {}): Promise<{ host: string; port: number }> {
  const [host, port] = ["127.0.0.1", await freePort()];
  await open(part).listen({ address: host, port });
  return { host, port };
}

describe.each(["on the agent's socket", "on a port"])("%s", (where) => {
  const target = async (part: Partial<Pages> = {}): Promise<Target> => {
    if (where === "on a port") return listening(part);
    open(part);
    await rig.start({ onHttp: (socket) => door.accept(socket) });
    return { socketPath: rig.path };
  };

  test("the metrics, with their type", async () => {
    const at = await target();
    expect(await get(at, "/metrics?x=y")).toMatchObject({
      statusCode: 200,
      text: "up 1\n",
      headers: { "content-type": "text/plain; version=0.0.4", "content-length": "5" },
    });
    expect(await get(at, "/metrics", "HEAD")).toMatchObject({ statusCode: 200, text: "" });
  });

  test("healthy and ready", async () => {
    const at = await target();
    for (const path of ["/healthz", "/readyz"])
      expect(await get(at, path)).toMatchObject({ statusCode: 200, text: "ok\n" });
  });

  test("not ready, with a line for each reason; still healthy", async () => {
    const at = await target({ unready: async () => ["one: do this", "two: do that"] });
    expect(await get(at, "/readyz")).toMatchObject({
      statusCode: 503,
      text: "one: do this\ntwo: do that\n",
    });
    expect(await get(at, "/healthz")).toMatchObject({ statusCode: 200 });
  });

  test("not healthy is not ready", async () => {
    const at = await target({ sickness: () => ["restart it"] });
    for (const path of ["/healthz", "/readyz"])
      expect(await get(at, path)).toMatchObject({ statusCode: 503, text: "restart it\n" });
  });

  test("other paths and methods hear what there is", async () => {
    const at = await target();
    for (const path of ["/", "/metric", "/constructor", "//"])
      expect(await get(at, path)).toMatchObject({
        statusCode: 404,
        text: expect.stringContaining("/metrics, /healthz, /readyz"),
      });
    for (const [method, body] of [
      ["POST", "x"],
      ["PUT", "x"],
      ["PATCH", "x"],
      ["DELETE"],
      ["OPTIONS"],
    ])
      expect(await get(at, "/metrics", method, body)).toMatchObject({
        statusCode: 405,
        headers: { allow: "GET, HEAD", connection: "close" },
        text: expect.stringContaining("GET"),
      });
  });

  test("more pages, for those who are on this machine", async () => {
    const page = { status: 200, type: "text/html", text: "hello", headers: { "x-y": "z" } };
    const at = await target({ site: { "/": () => page, "/api": async () => page } });
    for (const path of ["/?x", "/api"])
      expect(await get(at, path)).toMatchObject({
        ...{ statusCode: 200, text: "hello" },
        headers: { "content-type": "text/html", "x-y": "z" },
      });
    expect(await get(at, "/", "POST")).toMatchObject({ statusCode: 405 });
    expect((await get(at, "/other")).text).toContain("/metrics, /healthz, /readyz, /, /api;");
    const socket = connect("port" in at ? at : { path: at.socketPath });
    const foreign = "host: evil.example\r\nconnection: close\r\n\r\n";
    expect(await raw(socket, `GET / HTTP/1.1\r\n${foreign}`)).toMatch(
      /^HTTP\/1.1 403[^]*by an address/,
    );
  });

  test("a page that cannot be made is an error of its own", async () => {
    const metrics = async (): Promise<string> => {
      throw new Error("no figures");
    };
    expect(await get(await target({ metrics }), "/metrics")).toMatchObject({
      statusCode: 500,
      text: "no figures\n",
    });
  });

  test("a client that has said everything is answered all the same", async () => {
    const at = await target();
    const socket = connect("port" in at ? at : { path: at.socketPath });
    const answer = raw(socket, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    socket.end();
    expect(await answer).toMatch(/^HTTP\/1.1 200 OK[^]*ok\n$/);
  });

  test.each([
    ["what is no HTTP", "GET\r\n\r\n", /^HTTP\/1.1 400/],
    ["headers without an end", `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}`, /^HTTP\/1.1 431/],
    ["another protocol", "HELO there\r\n\r\n", /^HTTP\/1.1 400/],
  ])("%s is refused, and the connection ends", async (_, bytes, expected) => {
    const at = await target();
    expect(await raw(connect("port" in at ? at : { path: at.socketPath }), bytes)).toMatch(
      expected,
    );
    expect(await get(at, "/healthz")).toMatchObject({ statusCode: 200 });
  });

  test("closing ends idle connections too", async () => {
    const at = await target();
    const socket = connect("port" in at ? at : { path: at.socketPath });
    const answer = raw(socket, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    door.close();
    expect(await answer).toMatch(/^HTTP\/1.1 200/);
  });
});

test("launchers and scrapers share the socket, also when bytes come one by one", async () => {
  open();
  await rig.start({ onHttp: (socket) => door.accept(socket) });
  const socket = connect(rig.path);
  let text = "";
  socket.on("data", (piece: Buffer) => (text += piece.toString()));
  for (const byte of "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") {
    socket.write(byte);
    await new Promise(setImmediate);
  }
  await rig.going();
  await eventually(() => text.endsWith("ok\n") && rig.served.length === 1);
  expect(rig.garbage).toEqual([]);
});

test("whoever opens many connections is cut off, and requests are served", async () => {
  open();
  await rig.start({ onHttp: (socket) => door.accept(socket) });
  const sockets = Array.from({ length: 60 }, () => connect(rig.path));
  let closed = 0;
  for (const socket of sockets)
    socket
      .on("error", () => {})
      .on("close", () => closed++)
      .write("GET /metrics HT");
  await eventually(() => closed === 60 - 32);
  await rig.going();
  await eventually(() => rig.served.length === 1);
  sockets.forEach((socket) => socket.destroy());
});

test("whoever sends many requests at once is cut off", async () => {
  const at = await listening();
  const answers = await raw(connect(at), "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50));
  expect((answers.match(/HTTP\/1.1 /g) ?? []).length).toBeLessThanOrEqual(20);
  expect(await get(at, "/healthz")).toMatchObject({ statusCode: 200 });
});

test("whoever asks without a pause waits for the next second", async () => {
  const at = await listening();
  const started = performance.now();
  for (let round = 0; round < 3; round++)
    await Promise.all(Array.from({ length: 10 }, () => get(at, "/healthz")));
  expect(performance.now() - started).toBeGreaterThan(900);
});

test("another address takes the place of the one before; none closes it", async () => {
  const first = await listening();
  const second = { host: "127.0.0.1", port: await freePort() };
  await door.listen({ address: second.host, port: second.port });
  expect(await get(second, "/healthz")).toMatchObject({ statusCode: 200 });
  await expect(get(first, "/healthz")).rejects.toThrow("ECONNREFUSED");
  await door.listen(undefined);
  await expect(get(second, "/healthz")).rejects.toThrow("ECONNREFUSED");
});

test("a port that somebody else has is named with its keys", async () => {
  const { port } = await listening();
  const other = createHttpDoor(PAGES);
  await expect(other.listen({ address: "127.0.0.1", port })).rejects.toMatchObject({
    code: 5,
    message: expect.stringMatching(
      new RegExp(`127.0.0.1 port ${port}: .*EADDRINUSE.*agent.metricsPort`),
    ),
  });
  other.close();
});
