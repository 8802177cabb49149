/** The probe's client: one TCP connection and its outcome. */
import { connect, type Socket } from "node:net";
import { fill, type Answer, type Question } from "./responder";

export interface CallRequest extends Question {
  readonly address: string;
  readonly port: number;
  /** Source address; "": the kernel's choice. */
  readonly source: string;
  /** For the connection to be made, and for everything after it (ms). */
  readonly timeoutMs: number;
}

export interface CallOutcome {
  /** undefined when there was none. */
  readonly answer: Answer | undefined;
  /** Bytes that came after the answer. */
  readonly downloaded: number;
  /** errno name: EHOSTUNREACH and ENETUNREACH were refused at once, ETIMEDOUT was silence; "" when all went well. */
  readonly error: string;
  readonly ms: number;
}

/** Never rejects. */
export function call(request: CallRequest): Promise<CallOutcome> {
  const started = performance.now();
  const { address, port, source, timeoutMs, upload, download } = request;
  const socket = connect({
    host: address,
    port,
    allowHalfOpen: true,
    ...(source === "" ? {} : { localAddress: source }),
  });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const finish = (error: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({
        ...readAnswer(Buffer.concat(chunks), error, download),
        ms: Math.round(performance.now() - started),
      });
    };
    const giveUp = (): void => finish("ETIMEDOUT");
    let timer = setTimeout(giveUp, timeoutMs);
    socket.on("connect", () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, timeoutMs);
      ask(socket, { upload, download });
    });
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => finish(""));
    socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  });
}

function ask(socket: Socket, question: Question): void {
  socket.write(`${JSON.stringify(question)}\n`);
  fill(socket, question.upload);
}

function readAnswer(bytes: Buffer, error: string, download: number): Omit<CallOutcome, "ms"> {
  const end = bytes.indexOf("\n");
  if (end < 0) return { answer: undefined, downloaded: 0, error: error === "" ? "EPROTO" : error };
  const answer = JSON.parse(bytes.subarray(0, end).toString()) as Answer;
  const downloaded = bytes.length - end - 1;
  return {
    answer,
    downloaded,
    error: error === "" && downloaded < download ? "ECONNRESET" : error,
  };
}
