/** The checks of what the container runtime does with the conflist. */
import { CniError } from "../../cni/error";
import { realpathSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { PluginConf } from "../../../conf/types";
import type { JsonObject } from "../../cni/json";
import { readNetDir } from "../../node/cni/net-dir";
import type { Exec } from "../../ports";
import { findingOf, type Finding } from "../finding";
import { RUNTIME } from "../kinds/runtime";
import type { Check } from "../run";
import { netDirOf } from "../net-dir";
import { confFindings, orderFindings } from "./conf-findings";
import { findNeeded, neededPlugins, type FoundPlugin, type PluginPlaces } from "./plugins";

/** The conflist that everything else is judged by. */
export interface Conflist {
  readonly path: string;
  readonly list: JsonObject;
  readonly conf: PluginConf;
  /** Why ADD refuses it; undefined: it does not. */
  readonly refused: string | undefined;
}

export interface RuntimeView extends PluginPlaces {
  readonly confDir: string;
  readonly runtime: "containerd" | "CRI-O";
  /** The file that was named on the command line. */
  readonly named: string | undefined;
  /** The runtime's own configuration, where it may not be read: its directories are guesses then. */
  readonly unread: string | undefined;
  /** Throws when there is none. */
  readonly conflist: () => Conflist;
  readonly exec: Exec;
  /** Of this program. */
  readonly version: string;
}

/** How long a plugin may take to say which version it is (ms). */
const VERSION_MS = 1000;

/** The checks of this category. */
export function runtimeChecks(view: RuntimeView): readonly Check[] {
  return [
    {
      name: "conflist in use",
      category: "runtime",
      local: true,
      look: async () => lookAtDir(view),
    },
    { name: "conflist", category: "runtime", local: true, look: async () => judgeConflist(view) },
    { name: "plugins", category: "runtime", local: true, look: () => lookForPlugins(view) },
  ];
}

function lookAtDir({ confDir, runtime, named }: RuntimeView) {
  const path = named === undefined ? undefined : resolve(named);
  if (path !== undefined && dirname(path) !== confDir)
    return { findings: [], skipped: `${path} is not in ${confDir}` };
  const net = netDirOf(readNetDir(confDir), runtime);
  const findings = confFindings({ dir: confDir, net }, path && basename(path));
  const used = net.used?.name;
  return { findings, summary: used === undefined ? "no conflist is used" : `${used} is used` };
}

function judgeConflist({ conflist }: RuntimeView): { readonly findings: readonly Finding[] } {
  const { path, list, refused } = conflist();
  const facts = { dir: dirname(path), file: basename(path) };
  const refusal =
    refused === undefined
      ? []
      : [findingOf(RUNTIME, "conflist-refused", { ...facts, problem: refused }, path)];
  return { findings: [...refusal, ...orderFindings(facts, list)] };
}

async function lookForPlugins(view: RuntimeView) {
  const { list, conf } = view.conflist();
  if (view.unread !== undefined)
    throw new CniError(
      "io",
      `${view.unread} cannot be read, so the runtime's directories are not known`,
    );
  const found = neededPlugins(list, conf).map((needed) => findNeeded(needed, view));
  const versions = await Promise.all(found.map((plugin) => versionOf(plugin, view)));
  return { findings: found.flatMap(({ findings }) => findings), summary: versions.join(", ") };
}

/** `ptp 1.6.2`; where the plugin does not know its version, the newest protocol that it speaks. */
async function versionOf(
  { type, path, findings, ours }: FoundPlugin,
  { exec, binary, version: own }: RuntimeView,
): Promise<string> {
  if (path === undefined || findings.length > 0) return type;
  // A start of ours takes longer than all others together.
  if (ours && realpathSync(path) === binary) return `${type} ${own}`;
  const { stdout, stderr } = await exec.run({
    path,
    args: ours ? ["version"] : [],
    env: {},
    stdin: "",
    timeoutMs: VERSION_MS,
    maxStdout: 4096,
    maxStderr: 4096,
  });
  return `${type} ${versionIn(`${new TextDecoder().decode(stdout)}\n${stderr}`)}`.trimEnd();
}

/** Debian's plugins do not know their version; then the protocol tells old from new. */
function versionIn(said: string): string {
  const [, version] = / v?(\d+\.\d+\.\d+\S*)/.exec(said.trimStart().split("\n")[0] ?? "") ?? [];
  if (version !== undefined) return version;
  const [, protocol] = /versions supported: .*?([\d.]+)\s*$/m.exec(said) ?? [];
  return protocol === undefined ? "" : `(CNI ${protocol})`;
}
