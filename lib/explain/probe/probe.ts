/** Runs inside a pod's network namespace: sends one packet and says what came of it. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";

export interface ProbeRequest {
  readonly address: string;
  /** A TCP port, to which a SYN goes; undefined: a UDP packet to a port that nobody has. */
  readonly port: number | undefined;
  /** The pod's address. */
  readonly source: string;
  readonly timeoutMs: number;
}

export interface ProbeOutcome {
  /** `answered`: by the destination, if only to refuse. `refused`: by a router, or by the pod's own kernel. */
  readonly end: "answered" | "refused" | "silent";
  /** errno name; undefined: a connection was made, or nothing came. */
  readonly error: string | undefined;
  /** What the packet was, for people: `a TCP SYN to port 443`. */
  readonly what: string;
}

/** The first port of traceroute(8). */
const UDP_PORT = 33434;
/** What the destination itself says when nobody listens there. */
const ANSWERS = ["ECONNREFUSED", "ECONNRESET"];

/** `wrapper explain probe JSON`: a ProbeRequest; prints a ProbeOutcome as JSON. */
export async function probeCommand(
  printer: { readonly stdout: (text: string) => void },
  request = "{}",
): Promise<number> {
  const outcome = await sendProbe(JSON.parse(request) as ProbeRequest);
  printer.stdout(`${JSON.stringify(outcome)}\n`);
  return 0;
}

/** Sends it and waits for an answer. Never rejects. */
export function sendProbe(request: ProbeRequest): Promise<ProbeOutcome> {
  return request.port === undefined ? sendDatagram(request) : sendSyn(request, request.port);
}

function sendSyn(
  { address, source, timeoutMs }: ProbeRequest,
  port: number,
): Promise<ProbeOutcome> {
  const what = `a TCP SYN to port ${port}`;
  const socket = connect({ host: address, port, localAddress: source });
  return new Promise((resolve) => {
    const finish = (outcome: Omit<ProbeOutcome, "what">): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...outcome, what });
    };
    const timer = setTimeout(() => finish({ end: "silent", error: undefined }), timeoutMs);
    socket.on("connect", () => finish({ end: "answered", error: undefined }));
    socket.on("error", (error) => finish(ended(error)));
  });
}

function sendDatagram({ address, source, timeoutMs }: ProbeRequest): Promise<ProbeOutcome> {
  const what = `a UDP packet to port ${UDP_PORT}`;
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve) => {
    const finish = (outcome: Omit<ProbeOutcome, "what">): void => {
      clearTimeout(timer);
      socket.close();
      resolve({ ...outcome, what });
    };
    const timer = setTimeout(() => finish({ end: "silent", error: undefined }), timeoutMs);
    socket.on("error", (error) => finish(ended(error)));
    socket.on("message", () => finish({ end: "answered", error: undefined }));
    // A socket that is connected hears of ICMP errors.
    socket.bind(0, source, () => socket.connect(UDP_PORT, address, () => socket.send("probe")));
  });
}

function ended(error: NodeJS.ErrnoException): Omit<ProbeOutcome, "what"> {
  const code = error.code ?? error.message;
  return { end: ANSWERS.includes(code) ? "answered" : "refused", error: code };
}
