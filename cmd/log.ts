import type { PluginConf } from "../conf/types";
import { appendLine, formatRecord, isLogged } from "../lib/node/log-file";
import type { Log } from "../lib/ports";
import { printable } from "../lib/text/printable";

export interface PluginLog extends Log {
  /** Resolves when everything has been written. */
  flush(): Promise<void>;
}

/**
 * The plugin's log: one JSON line per record into `logFile`, warnings also to stderr. The line of an
 * operation that went well is appended directly; winston is loaded for warnings and errors only,
 * because loading it would be a good part of an ADD's whole cost.
 */
export function createLog(
  conf: Pick<PluginConf, "logFile" | "logLevel">,
  rawStderr: (text: string) => void,
): PluginLog {
  const stderr = (text: string): void => rawStderr(printable(text));
  const pending: {
    level: "warn" | "error";
    message: string;
    fields: Readonly<Record<string, unknown>>;
  }[] = [];
  return {
    write(level, message, fields) {
      if (!isLogged(level, conf.logLevel)) return;
      if (level === "warn" || level === "error")
        return void pending.push({ level, message, fields });
      if (conf.logFile === undefined) return;
      const failure = appendLine(conf.logFile, formatRecord(new Date(), level, message, fields));
      if (failure !== undefined) stderr(`${failure}\n`);
    },
    async flush() {
      if (pending.length === 0) return;
      const { createWinston, flush } = await import("../lib/node/log");
      const logger = createWinston({ level: conf.logLevel, file: conf.logFile, stderr });
      for (const { level, message, fields } of pending.splice(0))
        logger.log(level, message, fields);
      await flush(logger);
    },
  };
}
