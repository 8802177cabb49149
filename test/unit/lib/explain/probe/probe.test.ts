/** Probe packets over the loopback device, and what comes of them. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { probeCommand, type ProbeRequest, sendProbe } from "../../../../../lib/explain/probe/probe";

const REQUEST: ProbeRequest = {
  address: "127.0.0.1",
  port: undefined,
  source: "127.0.0.1",
  timeoutMs: 5000,
};
/** Of TEST-NET-3, so that this machine has it nowhere. */
const NOT_OURS = "203.0.113.77";

let seen: (string | undefined)[] = [];
const server: Server = createServer((socket) => {
  seen.push(socket.remoteAddress);
  socket.on("error", () => {});
  socket.destroy();
});
let port = 0;

beforeEach(async () => {
  seen = [];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
});

/** Whoever answers at traceroute's port, on an address that only this test uses. */
async function echoAt(address: string, reply: string | undefined): Promise<Socket> {
  const socket = createSocket("udp4");
  if (reply !== undefined)
    socket.on("message", (_, { port: to, address: whom }) => socket.send(reply, to, whom));
  await new Promise<void>((resolve) => socket.bind(33434, address, resolve));
  return socket;
}

test("a connection that is made is an answer, and comes from the pod's address", async () => {
  const accepted = once(server, "connection");
  const outcome = await sendProbe({ ...REQUEST, port, source: "127.0.0.7" });
  expect(outcome).toEqual({
    end: "answered",
    error: undefined,
    what: `a TCP SYN to port ${port}`,
  });
  await accepted;
  expect(seen).toEqual(["127.0.0.7"]);
});

test("a refusal of the destination is an answer", async () => {
  const closed = port;
  await new Promise((resolve) => server.close(resolve));
  expect(await sendProbe({ ...REQUEST, port: closed })).toMatchObject({
    end: "answered",
    error: "ECONNREFUSED",
  });
});

test("a source that is not here is refused by the kernel itself", async () => {
  expect(await sendProbe({ ...REQUEST, port, source: NOT_OURS })).toMatchObject({
    end: "refused",
    error: "EADDRNOTAVAIL",
  });
  expect(await sendProbe({ ...REQUEST, source: NOT_OURS })).toEqual({
    end: "refused",
    error: "EADDRNOTAVAIL",
    what: "a UDP packet to port 33434",
  });
});

test("a datagram to a port that nobody has is answered by a refusal", async () => {
  expect(await sendProbe({ ...REQUEST, address: "127.0.0.91" })).toMatchObject({
    end: "answered",
    error: "ECONNREFUSED",
  });
});

test("a datagram that is answered by one", async () => {
  const other = await echoAt("127.0.0.92", "here");
  try {
    const outcome = await sendProbe({ ...REQUEST, address: "127.0.0.92" });
    expect(outcome).toMatchObject({ end: "answered", error: undefined });
  } finally {
    other.close();
  }
});

test("a datagram that nobody answers in time", async () => {
  const other = await echoAt("127.0.0.93", undefined);
  try {
    const started = Date.now();
    const outcome = await sendProbe({ ...REQUEST, address: "127.0.0.93", timeoutMs: 50 });
    expect(outcome).toMatchObject({ end: "silent", error: undefined });
    expect(Date.now() - started).toBeGreaterThanOrEqual(45);
  } finally {
    other.close();
  }
});

test("a SYN that is not answered in time", async () => {
  // No time at all: whatever comes back comes later.
  jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate"] });
  try {
    const asked = sendProbe({ ...REQUEST, port, timeoutMs: 3000 });
    jest.advanceTimersByTime(3000);
    expect(await asked).toEqual({
      end: "silent",
      error: undefined,
      what: `a TCP SYN to port ${port}`,
    });
  } finally {
    jest.useRealTimers();
  }
});

test("the command prints the outcome on one line", async () => {
  const printed: string[] = [];
  const stdout = (text: string): void => void printed.push(text);
  expect(await probeCommand({ stdout }, JSON.stringify({ ...REQUEST, port }))).toBe(0);
  expect(printed).toHaveLength(1);
  expect(printed[0]).toBe(`{"end":"answered","what":"a TCP SYN to port ${port}"}\n`);
});
