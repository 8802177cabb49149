/** What is wrong at the moment: told once when it begins, and once when it is over. */
import type { WatchLine } from "./watch-words";

export interface Troubles {
  /** Says it unless it is what was said about this the last time. */
  tell(about: string, text: string): void;
  over(about: string): void;
  /** What is wrong about this; undefined: nothing. */
  of(about: string): string | undefined;
}

export function createTroubles(say: (line: WatchLine) => void): Troubles {
  const current = new Map<string, string>();
  return {
    tell: (about, text) => {
      if (current.get(about) === text) return;
      current.set(about, text);
      say({ event: "trouble", message: text });
    },
    over: (about) => {
      const text = current.get(about);
      if (current.delete(about)) say({ event: "trouble", message: `over: ${text ?? ""}` });
    },
    of: (about) => current.get(about),
  };
}
