/** Ctrl-C and the like during a lab: its steps stop, everything is removed, then the process ends. */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interrupt {
  /** Aborted by the first of the signals; later ones change nothing, so that the removal is not cut short. */
  readonly signal: AbortSignal;
  /** The exit status that says so (128 + the signal's number); undefined when there was none. */
  status(): number | undefined;
  /** Gives the signals back their usual effect. */
  release(): void;
}

/** Catches the signals of this process until `release`. */
export function catchInterrupts(): Interrupt {
  const controller = new AbortController();
  let status: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    status ??= 128 + constants.signals[name];
    controller.abort(new Error(`stopped by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    status: () => status,
    release: () => SIGNALS.forEach((name) => process.off(name, onSignal)),
  };
}
