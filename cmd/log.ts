import type { PluginConf } from "../conf/types";
import { appendLine, formatRecord, isLogged } from "../lib/log-file";
import type { Log } from "../lib/ports";

/**
 * The plugin's log: one JSON line per record into `logFile`, warnings also to stderr. A log that
 * cannot be written is itself a warning on stderr, and nothing more.
 */
export function createLog(conf: Pick<PluginConf, "logFile" | "logLevel">, stderr: (text: string) => void): Log {
  return {
    write(level, message, fields) {
      if (!isLogged(level, conf.logLevel)) return;
      const line = formatRecord(new Date(), level, message, fields);
      if (level === "warn") stderr(`${line}\n`);
      const trouble = conf.logFile === undefined ? undefined : appendLine(conf.logFile, line);
      if (trouble !== undefined) stderr(`${trouble}\n`);
    },
  };
}
