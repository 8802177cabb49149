/** Long-running programs that print and end when a test says so, and a clock whose sleeps it ends. */
import type { Clock, ExecRequest, StartStream } from "../../lib/ports";

export interface Started extends Pick<ExecRequest, "path" | "args"> {
  /** Both in one text. */
  readonly command: string;
  print(text: string): void;
  end(why: string): void;
  stopped: boolean;
}

export interface FakeStreams {
  readonly start: StartStream;
  readonly clock: Clock;
  /** What was started, in order. */
  readonly started: readonly Started[];
  /** Ends of the sleeps, in order. */
  readonly sleeps: (() => void)[];
}

/** None started, nobody asleep. */
export function fakeStreams(): FakeStreams {
  const started: Started[] = [];
  const sleeps: (() => void)[] = [];
  return {
    started,
    sleeps,
    start: ({ path, args }, onOutput) => {
      let end = (_: string): void => {};
      const one: Started = {
        path,
        args,
        command: [path, ...args].join(" "),
        print: (text) => onOutput(Buffer.from(text)),
        end: (why) => end(why),
        stopped: false,
      };
      started.push(one);
      return {
        ended: new Promise((resolve) => (end = resolve)),
        stop: () => void (one.stopped = true),
      };
    },
    clock: {
      now: () => new Date(0),
      elapsed: () => 0,
      sleep: () => new Promise((resolve) => sleeps.push(resolve)),
    },
  };
}
