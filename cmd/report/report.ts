import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { gzipSync } from "node:zlib";
import { loadConf } from "../../conf/load";
import { CniError, toCniError } from "../../lib/cni/error";
import { createExec } from "../../lib/node/exec";
import { createPrograms } from "../../lib/node/programs";
import { collect, type Collected } from "../../lib/report/collect";
import { scrub } from "../../lib/report/scrub";
import { archive } from "../../lib/report/tar";
import { createForwardTable } from "../../lib/routes/kernel/forward";
import { reasonOf } from "../../lib/text/reason";
import { formatBytes } from "../../lib/text/units";
import type { RunCommand, Values } from "../command";
import type { CommandNode } from "../commands/completion/tree";
import { findConf } from "../conflist";
import type { Io } from "../io";
import { partsOf, type Sources } from "./parts";

/**
 * `wrapper report [FILE]`: one archive for a bug report, readable by its owner alone, without secrets. Returns 0
 * when it was written, whatever could not be collected; throws when it could not be written.
 */
export function reportCommand({ commands }: CommandNode): RunCommand {
  return async (io, [file = defaultName()], values) => {
    const names = commands.map(({ name }) => name);
    const fd = create(file);
    try {
      const collected = await collect(partsOf(sourcesOf(io, values, names)), scrub, progress(io));
      const bytes = gzipSync(archive(collected.files, new Date()));
      for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at);
      io.stdout(summary(file, bytes.byteLength, collected));
      return 0;
    } catch (thrown) {
      rmSync(file, { force: true });
      throw thrown instanceof CniError ? thrown : unwritable(file, thrown);
    } finally {
      closeSync(fd);
    }
  };
}

/** In the working directory, by node and time. */
function defaultName(): string {
  const time = new Date().toISOString().replace(/[:.]/g, "").slice(0, 15);
  return `tenant-routing-report-${hostname()}-${time}Z.tar.gz`;
}

// Neither a file nor a link that is there already is written to.
function create(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function unwritable(file: string, error: unknown): CniError {
  const why = reasonOf(error);
  const remedy = why === "EEXIST" ? "it is there already: " : "";
  return new CniError(
    "io",
    `the report ${file} cannot be written (${why}): ${remedy}name another file`,
  );
}

function sourcesOf(io: Io, values: Values, commands: readonly string[]): Sources {
  const exec = createExec();
  const found = foundOrDefault(io, values);
  const { conf } = found;
  const firewall = createForwardTable({ ...conf, exec, configured: conf.iptables });
  return { ...found, exec, programs: createPrograms(exec), firewall, commands };
}

function foundOrDefault(io: Io, values: Values): Pick<Sources, "conf" | "path"> {
  try {
    return findConf(values.conf);
  } catch (thrown) {
    io.stderr(`wrapper report: no conflist, so the default paths: ${toCniError(thrown).message}\n`);
    const ours = { type: "tenant-routing-wrapper", name: "default", cniVersion: "1.0.0" };
    return { conf: loadConf(ours, "DEL").conf, path: undefined };
  }
}

/** Each part on a terminal: some take seconds. */
function progress(io: Io): (name: string) => void {
  return process.stderr.isTTY ? (name) => io.stderr(`collecting ${name}\n`) : () => {};
}

function summary(file: string, size: number, { files, missing }: Collected): string {
  return [
    `${file}: ${files.length} parts, ${formatBytes(size)}, for its owner only\n`,
    ...missing.map(({ name, why }) => `  not collected: ${name}: ${why}\n`),
    "It has names of pods and nodes, addresses and rules. Secrets were taken out: look at it before you send it.\n",
  ].join("");
}
