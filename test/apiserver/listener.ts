import type { RequestListener } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Faults } from "./faults";
import type { KeyPair } from "./openssl";

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one, kept over stop and start. */
  readonly port: number;
  readonly caCert: string;
  readonly serving: KeyPair;
  readonly faults: Faults;
  readonly onRequest: RequestListener;
}

/**
 * The sockets: a plain TCP server in front hands connections to the HTTPS server, so that a
 * connection can also be left without a handshake, and the TCP socket under a request can be reset.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #https: HttpsServer;
  readonly #sockets = new Map<string, Socket>();
  #front: Server | undefined;
  #port: number;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#port = options.port;
    // Certificates are asked for but judged at authentication, so that a bad one is a 401, not a TLS alert.
    this.#https = createHttpsServer(
      { ...options.serving, ca: options.caCert, requestCert: true, rejectUnauthorized: false },
      options.onRequest,
    );
    this.#https.on("tlsClientError", () => undefined); // a client that does not trust us hangs up: expected
  }

  /** 0 before the first start when any was asked for. */
  get port(): number {
    return this.#port;
  }

  /**
   * Begins to listen; nothing to do when it does already. Rejects when the address is taken or is
   * not of this network namespace.
   */
  async start(): Promise<void> {
    if (this.#front !== undefined) return;
    const front = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
    await new Promise<void>((resolve, reject) => {
      front.once("error", reject);
      front.listen(this.#port, this.#options.host, resolve);
    });
    this.#front = front;
    this.#port = (front.address() as AddressInfo).port;
  }

  /** Refuses new connections and drops the open ones. Nothing to do when not started. */
  async stop(): Promise<void> {
    const front = this.#front;
    if (front === undefined) return;
    this.#front = undefined;
    const closed = new Promise<void>((resolve) => front.close(() => resolve()));
    for (const socket of this.#sockets.values()) socket.destroy();
    await closed;
  }

  /** Shows another certificate to connections from now on; open ones are dropped. */
  show(serving: KeyPair): void {
    this.#https.setSecureContext({ ...serving, ca: this.#options.caCert });
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  /** The TCP socket under a request's TLS socket. */
  under(tls: Socket): Socket | undefined {
    return this.#sockets.get(nameOf(tls));
  }

  #accept(socket: Socket): void {
    const name = nameOf(socket);
    this.#sockets.set(name, socket);
    socket.on("error", () => undefined); // resets by clients are part of the game
    socket.on("close", () => this.#sockets.delete(name));
    const fault = this.#options.faults.takeForConnection();
    if (fault === undefined) {
      this.#https.emit("connection", socket);
    } else if (fault.kind === "tlsReset") {
      socket.resetAndDestroy();
    } else {
      socket.on("end", () => socket.destroy()).resume();
    }
  }
}

const nameOf = (socket: Socket): string =>
  `${socket.remoteAddress ?? ""}|${socket.remotePort ?? ""}`;
