/** Keeps the status: since when each gateway is as it is, and when all of it was last written. */
import { toCniError } from "../../cni/error";
import type { Clock } from "../../ports";
import { gatewayKey } from "../plan/gateways";
import { canBeProbed, type HealthBook } from "./health-book";
import type { Troubles } from "./troubles";
import type { ResolvedGateway } from "../model";
import { gatewayState, statusObject, type SeenGateway, type WatchStatus } from "./status";
import { problemText } from "./report";

/** The status is written this often even when nothing changes (ms). */
export const HEARTBEAT_MS = 30_000;

export interface StatusPorts {
  readonly clock: Clock;
  /** Throws CniError `io`. */
  readonly writeStatus: (path: string, text: string) => void;
}

export interface StatusKeeper {
  /** The gateways with their states; a state that is new begins now. */
  seen(gateways: readonly ResolvedGateway[], book: HealthBook): readonly SeenGateway[];
  /** Writes the file when something changed, when it is due, or when `anyway`. Returns the text. */
  save(status: WatchStatus, anyway?: boolean): string;
}

export function createStatusKeeper(
  { clock, writeStatus }: StatusPorts,
  troubles: Troubles,
): StatusKeeper {
  const states = new Map<string, Pick<SeenGateway, "state" | "since">>();
  let written = { path: "", text: "", at: -Infinity };
  const write = (path: string, text: string): void => {
    try {
      writeStatus(path, text);
      troubles.over("status");
    } catch (thrown) {
      troubles.tell("status", toCniError(thrown).message);
    }
  };
  return {
    seen: (gateways, book) =>
      gateways.map((gateway) => {
        const health = book.of(gateway);
        const state = gatewayState(gateway, health);
        const before = states.get(gatewayKey(gateway));
        const now = before?.state === state ? before : { state, since: clock.now() };
        states.set(gatewayKey(gateway), now);
        const lastError = canBeProbed(gateway) ? health.lastError : problemText(gateway, () => "");
        return { gateway, ...now, lastError };
      }),
    save: (status, anyway = false) => {
      const object = statusObject(status);
      const text = JSON.stringify(object);
      const timed = `${JSON.stringify({ time: clock.now().toISOString(), ...object }, null, 2)}\n`;
      const path = status.conf.routes.watch.statusFile;
      const due =
        text !== written.text ||
        path !== written.path ||
        clock.elapsed() - written.at >= HEARTBEAT_MS;
      if (path === undefined || !(due || anyway)) return timed;
      written = { path, text, at: clock.elapsed() };
      write(path, timed);
      return timed;
    },
  };
}
