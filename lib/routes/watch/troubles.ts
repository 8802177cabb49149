/** What is wrong at the moment: told once when it begins, and once when it is over. */
import type { WatchLine } from "./report";

export interface Troubles {
  /** Says it unless it is what was said about this the last time. */
  tell(about: string, text: string): void;
  over(about: string): void;
  /** Either of the two: an empty text is that nothing is wrong. */
  now(about: string, text: string): void;
  /** What is wrong about this; undefined: nothing. */
  of(about: string): string | undefined;
}

export function createTroubles(say: (line: WatchLine) => void): Troubles {
  const current = new Map<string, string>();
  const tell = (about: string, text: string): void => {
    if (current.get(about) === text) return;
    current.set(about, text);
    say({ event: "trouble", message: text });
  };
  const over = (about: string): void => {
    const text = current.get(about);
    if (current.delete(about)) say({ event: "trouble", message: `over: ${text ?? ""}` });
  };
  return {
    tell,
    over,
    now: (about, text) => (text === "" ? over(about) : tell(about, text)),
    of: (about) => current.get(about),
  };
}
