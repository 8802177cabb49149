/** The probe's steady traffic: UDP packets that nobody has to answer, so that counters on the way tell where each one went. */
import { createSocket, type Socket } from "node:dgram";

/** Between two packets to an address (ms). */
const PAUSE_MS = 1;
/** Every so many packets comes one from a socket of its own: a new connection for what tracks them. */
const NEW_AFTER = 50;
const PACKET = Buffer.alloc(16);

/** Sends to the port of every address, IPv4 or IPv6, until it is killed. What the network says does not stop it. */
export function flood(port: number, addresses: readonly string[]): Promise<never> {
  const lasting = addresses.map((address) => ({ address, socket: open(address) }));
  let sent = 0;
  setInterval(() => {
    sent += 1;
    for (const { address, socket } of lasting) {
      socket.send(PACKET, port, address, ignore);
      if (sent % NEW_AFTER === 0) sendOnce(port, address);
    }
  }, PAUSE_MS);
  return new Promise(() => undefined);
}

function sendOnce(port: number, address: string): void {
  const socket = open(address);
  socket.send(PACKET, port, address, () => socket.close());
}

function open(address: string): Socket {
  return createSocket(address.includes(":") ? "udp6" : "udp4").on("error", ignore);
}

function ignore(): void {
  // A packet that cannot leave is not counted anywhere, which is what counts.
}
