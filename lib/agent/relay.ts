/** A port of this machine's loopback that leads to an agent's socket. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Relay {
  /** `http://127.0.0.1:<port>/`. */
  readonly url: string;
  /** Ends it and every connection. */
  close(): void;
}

/** Opens one, on a port that is free or on this one. Throws what keeps it from listening. */
export async function openRelay(socketPath: string, port = 0): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (from) => {
    const to = connect({ path: socketPath, allowHalfOpen: true });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.once("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen({ host: "127.0.0.1", port }, resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
