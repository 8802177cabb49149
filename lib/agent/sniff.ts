/** Tells HTTP from the launchers' protocol, on one socket. */
import type { Socket } from "node:net";
import { GREETING } from "./frames";

/** Who connects says at once what it wants (ms). */
const FIRST_WORDS_MS = 10_000;

/**
 * Who is on the other side, by its first byte: a launcher's is that of its greeting, and no usual method of
 * HTTP has it. Nothing is lost: the connection is paused, and whoever goes on with it resumes it.
 */
export function whoSpeaks(socket: Socket): Promise<"launcher" | "http" | "nobody"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), FIRST_WORDS_MS);
    const onData = (piece: Buffer): void => {
      socket.pause();
      socket.unshift(piece);
      decide(
        piece[0] === GREETING[0] || !METHOD.test(piece.toString("latin1", 0, 1))
          ? "launcher"
          : "http",
      );
    };
    const onClose = (): void => decide("nobody");
    const decide = (who: "launcher" | "http" | "nobody"): void => {
      clearTimeout(timer);
      socket.off("data", onData).off("close", onClose);
      resolve(who);
    };
    socket
      .on("error", () => {})
      .on("data", onData)
      .on("close", onClose);
  });
}

/** Where GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS begin. */
const METHOD = /[GHPDO]/;
