/** Composition root of the checks of a conflist. */
import { realpathSync } from "node:fs";
import { loadConf } from "../../conf/load";
import type { PluginConf } from "../../conf/types";
import { accessChecks } from "../../lib/checks/access/checks";
import { formFindings } from "../../lib/checks/conflist/form";
import { markFindings } from "../../lib/checks/conflist/marks";
import { DEFAULT_NAME, placeOf } from "../../lib/checks/conflist/place";
import { needed, protocolFindings } from "../../lib/checks/conflist/plugins";
import { readConflist, type ReadConflist } from "../../lib/checks/conflist/read";
import {
  capabilityFindings,
  ownNetconf,
  settingFindings,
} from "../../lib/checks/conflist/settings";
import type { Category } from "../../lib/checks/finding";
import { machineChecks } from "../../lib/checks/node/checks";
import { collisionFinding } from "../../lib/checks/routes/adapt";
import type { Check, Looked } from "../../lib/checks/run";
import { orderFindings } from "../../lib/checks/runtime/conf-findings";
import { isOwnPlugin } from "../../lib/cni/conflist";
import { CniError } from "../../lib/cni/error";
import { readPluginDirs } from "../../lib/node/cni/net-dir";
import { systemClock } from "../../lib/node/clock";
import { createExec } from "../../lib/node/exec";
import { collisionsOf, look } from "../../lib/routes/apply";
import { readSysctl } from "../../lib/routes/kernel/kernel";
import { DEFAULT_CNI_PATH } from "../command";
import { routesNode } from "../commands/routes/run";
import { openNode } from "../deps";
import { askApi } from "../status/ask-api";
import type { Input } from "./input";

/** The checks, and what the file says as far as it can be used. */
export interface Validation {
  readonly checks: readonly Check[];
  readonly conflist: ReadConflist | undefined;
  /** undefined: there is nothing of ours that could be used at all. */
  readonly conf: PluginConf | undefined;
  /** The name that the file has or gets in the directory, and whether it is there. */
  readonly place: { readonly name: string; readonly installed: boolean };
}

/** Everything to look at. `api`: ask the API server too. */
export function validation(input: Input, api: boolean): Validation {
  const { conflist, findings } = readConflist(input.bytes, input.file);
  const { entries } = input;
  const place =
    entries instanceof CniError
      ? { name: DEFAULT_NAME, installed: false, findings: [] }
      : placeOf({ ...input, entries, copiedAs: input.writes?.name });
  const conf = conflist && usableConf(conflist);
  const text = check("text", "conflist", () => ({
    findings: [...findings, ...(conflist ? formFindings(conflist, place.name) : [])],
  }));
  const net = check("net.d", "runtime", () => {
    if (entries instanceof CniError) return withoutDirectory(input.dir, entries);
    return { findings: conflist === undefined ? [] : place.findings };
  });
  if (conflist === undefined) return { checks: [text, net], conflist, conf, place };
  return {
    checks: [
      text,
      ...settingChecks(conflist, conf),
      net,
      ...pluginChecks(input, conflist, conf),
      ...(conf === undefined ? [] : nodeChecks(conf, api, input)),
    ],
    ...{ conflist, conf, place },
  };
}

function check(name: string, category: Category, seen: () => Looked | Promise<Looked>): Check {
  return { name, category, local: category !== "api", look: async () => seen() };
}

/** A node that has no conflist yet has no such directory either. */
function withoutDirectory(dir: string, error: CniError): Looked {
  if (!error.message.includes("(ENOENT)")) throw error;
  return { findings: [], skipped: `there is no ${dir} yet` };
}

/** As DEL takes it, which needs no more than a name. */
function usableConf(conflist: ReadConflist): PluginConf | undefined {
  const netconf = ownNetconf(conflist);
  if (netconf === undefined) return undefined;
  try {
    return loadConf(netconf, "DEL").conf;
  } catch {
    return undefined;
  }
}

function settingChecks(conflist: ReadConflist, conf: PluginConf | undefined): readonly Check[] {
  return [
    check("settings", "conflist", () => ({
      findings: [...settingFindings(conflist), ...capabilityFindings(conflist)],
    })),
    check("marks", "conflist", () => ({
      findings: conf === undefined ? [] : markFindings(conflist, conf),
    })),
  ];
}

function pluginChecks(
  { file, pluginDirs: dirs }: Input,
  conflist: ReadConflist,
  conf: PluginConf | undefined,
): readonly Check[] {
  const { plugins, object } = conflist;
  const { names } = readPluginDirs(dirs);
  const others = DEFAULT_CNI_PATH.split(":");
  const places = { dirs, names, others, binary: realpathSync(process.execPath) };
  const found = needed(conflist, conf ?? { delegate: undefined, tenants: undefined }, places);
  const list = object["plugins"] === undefined ? { plugins: [object] } : object;
  return [
    check("order", "runtime", () => ({
      findings: plugins.some(isOwnPlugin) ? orderFindings(fileFacts(file), list) : [],
    })),
    check("plugins", "runtime", () => ({
      findings: found.flatMap(({ findings }) => findings),
      summary: found.map(({ type }) => type).join(", "),
    })),
    check("cniVersion", "conflist", async () => ({
      findings: await protocolFindings(conflist, found, createExec()),
    })),
  ];
}

/** For findings that name a file and its directory. */
function fileFacts(file: string): { readonly dir: string; readonly file: string } {
  const slash = file.lastIndexOf("/");
  return { dir: slash < 0 ? "." : file.slice(0, slash), file: file.slice(slash + 1) };
}

function nodeChecks(conf: PluginConf, api: boolean, { kubelet }: Input): readonly Check[] {
  const view = {
    ...{ conf: () => conf, api: () => askApi(conf, []) },
    ...{ clock: systemClock, kubelet: () => kubelet },
  };
  return [
    ...accessChecks(view).filter(({ category }) => api || category !== "api"),
    check("collisions", "routes", () => collisions(conf)),
    ...(isRoot() ? machineChecks(machine(conf)).filter(({ name }) => name === "firewall") : []),
  ];
}

function machine(conf: PluginConf) {
  const node = openNode(conf, { write: () => {} });
  return {
    ...{ conf: () => conf, sysctl: readSysctl },
    journal: () => node.journal,
    marks: () => node.backend.open({}),
  };
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

async function collisions(conf: PluginConf): Promise<Looked> {
  if (!isRoot())
    return { findings: [], skipped: "what else uses marks and tables is only shown to root" };
  const node = routesNode(conf);
  const view = await look(conf, node, { sysctl: false });
  const found = await collisionsOf(conf, node, view);
  return {
    findings: found.map(collisionFinding),
    summary: "nobody else has these marks and tables",
  };
}
