import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRelay, type Relay } from "../../../../lib/agent/relay";

let [dir, relay, server]: [string, Relay | undefined, Server | undefined] = [
  "",
  undefined,
  undefined,
];
const sockets = new Set<Socket>();
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "relay-"));
});
afterEach(() => {
  relay?.close();
  for (const socket of sockets) socket.destroy();
  server?.close();
  rmSync(dir, { recursive: true });
});

async function listening(answer: (socket: Socket) => void): Promise<string> {
  const path = join(dir, "agent.sock");
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    answer(socket);
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

/** All that comes back for a text, until the end. */
function say(url: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.end(text));
    socket.on("data", (piece: Buffer) => (heard += piece.toString()));
    socket.on("error", () => {}).on("close", () => resolve(heard));
  });
}

test("what is said on the port is heard on the socket, and the other way round", async () => {
  const path = await listening((socket) => {
    let heard = "";
    socket.on("data", (piece: Buffer) => (heard += piece.toString()));
    socket.on("end", () => socket.end(`heard ${heard}`));
  });
  relay = await openRelay(path);
  expect(relay.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect(await Promise.all([say(relay.url, "one"), say(relay.url, "two")])).toEqual([
    "heard one",
    "heard two",
  ]);
});

test("without an agent a connection ends, and the next one finds the agent that has come", async () => {
  relay = await openRelay(join(dir, "agent.sock"));
  expect(await say(relay.url, "one")).toBe("");
  await listening((socket) => socket.end("here"));
  expect(await say(relay.url, "two")).toBe("here");
});

test("closing ends connections, and nobody listens any more", async () => {
  const path = await listening(() => {});
  relay = await openRelay(path);
  const said = say(relay.url, "one");
  while (sockets.size === 0) await new Promise(setImmediate);
  relay.close();
  expect(await said).toBe("");
  expect(await say(relay.url, "two")).toBe("");
});
