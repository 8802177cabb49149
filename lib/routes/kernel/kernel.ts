/** The kernel of this node, read and changed with iproute2, nft, iptables and /proc/sys. */
import { existsSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CniError, toCniError } from "../../cni/error";
import type { Family } from "../../net/family";
import type { LinkSpec } from "../../net/link";
import { reasonOf } from "../../text/reason";
import type { OwnThings } from "../changes/changes";
import type { ForwardTable } from "./forward";
import { parseLinks, parseRoutes, parseRules } from "./ip-json";
import type { Programs } from "../../node/programs";
import {
  type Action,
  type Link,
  NAT_TABLE,
  type NodeState,
  type RoutesPlan,
  type RoutesRecord,
} from "../model";
import { replaceFile, temporaryOf } from "../../node/files";
import { linkCommand } from "../link-text";
import { peersIn } from "../links/peers";
import { linkNamed } from "../plan/gateways";
import { tableText } from "../plan/nft-table";
import { routeArguments, ruleArguments } from "../text";

export interface Kernel {
  /** `wanted`: links whose peers are of interest, too. */
  state(wanted?: readonly LinkSpec[]): Promise<NodeState>;
  /**
   * The parts of the firewall and the files that are ours. Runs no program that neither plan nor
   * record needs.
   */
  own(plan: RoutesPlan, record: RoutesRecord): Promise<OwnThings>;
  /** Carries out one change. Throws CniError `io` or `rules`. */
  perform(action: Action): Promise<void>;
  /** Our nftables table as the kernel lists it; undefined: there is no such table, or no nft. */
  natListing(): Promise<string | undefined>;
}

/** The kernel of the network namespace that this process runs in. */
export function createKernel(programs: Programs, forward: ForwardTable): Kernel {
  return {
    state: (wanted = []) => readState(programs, wanted),
    own: async (plan, record) => ({
      ...(plan.forward.length + record.forward.length > 0
        ? await forwardRules(forward)
        : { forward: [] }),
      natListing:
        tableText(plan) !== undefined || record.nat !== undefined || programs.has("nft")
          ? await natListing(programs)
          : undefined,
      file: readText,
      leftover: (path) => (existsSync(temporaryOf(path)) ? temporaryOf(path) : undefined),
      absent: absentDirectories,
    }),
    perform: (action) => perform(programs, forward, action),
    natListing: () => natListing(programs),
  };
}

async function readState(programs: Programs, wanted: readonly LinkSpec[]): Promise<NodeState> {
  const families: readonly Family[] = existsSync("/proc/net/if_inet6") ? [4, 6] : [4];
  const list = async (...args: readonly string[]): Promise<readonly unknown[]> => {
    const text = (await programs.run("ip", ["-j", "-N", "-d", ...args])).trim();
    return text === "" ? [] : (JSON.parse(text) as readonly unknown[]);
  };
  const [rules, routes, links] = await Promise.all([
    Promise.all(
      families.map(async (family) => parseRules(await list(`-${family}`, "rule", "show"), family)),
    ),
    Promise.all(
      families.map(async (family) =>
        parseRoutes(await list(`-${family}`, "route", "show", "table", "all"), family),
      ),
    ),
    list("addr", "show").then((entries) => withPeers(programs, parseLinks(entries), wanted)),
  ]);
  return { families, rules: rules.flat(), routes: routes.flat(), links, sysctl: readSysctl };
}

// A table that cannot be read holds up only the rules in it.
async function forwardRules(
  forward: ForwardTable,
): Promise<Pick<OwnThings, "forward" | "forwardError">> {
  try {
    return { forward: await forward.list() };
  } catch (thrown) {
    return { forward: [], forwardError: toCniError(thrown) };
  }
}

/** The value of a file under /proc/sys; undefined: there is no such file. */
export function readSysctl(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, "utf8").trim();
  } catch {
    return undefined;
  }
}

async function natListing(programs: Programs): Promise<string | undefined> {
  if (!programs.has("nft")) return undefined;
  const { ok, stdout } = await programs.try("nft", [
    "-s",
    "-n",
    "list",
    "table",
    ...NAT_TABLE.split(" "),
  ]);
  return ok ? stdout : undefined;
}

/** The links, each vxlan that is wanted with its peers, whoever made it. */
function withPeers(
  programs: Programs,
  links: readonly Link[],
  wanted: readonly LinkSpec[],
): Promise<readonly Link[]> {
  const names = wanted.flatMap(({ name, type }) => (type === "vxlan" ? [name] : []));
  const asked = names.flatMap((name) => linkNamed(name, links) ?? []);
  return Promise.all(
    links.map(async (link) => {
      const { name, facts } = link;
      if (facts?.kind !== "vxlan" || !asked.includes(link)) return link;
      const text = await programs.run("bridge", ["-j", "fdb", "show", "dev", name]);
      const peers = peersIn(JSON.parse(text.trim() || "[]"), facts.parent);
      return { ...link, facts: { ...facts, peers } };
    }),
  );
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

async function perform(programs: Programs, forward: ForwardTable, action: Action): Promise<void> {
  switch (action.kind) {
    case "link": {
      const [program, ...args] = linkCommand(action.change);
      await programs.run(program, args);
      return;
    }
    case "rule":
      await programs.run("ip", [
        `-${action.rule.family}`,
        "rule",
        action.op,
        ...ruleArguments(action.rule),
      ]);
      return;
    case "route":
      await programs.run("ip", [
        `-${action.route.family}`,
        "route",
        action.op,
        ...routeArguments(action.route),
      ]);
      return;
    case "sysctl":
      return writeSysctl(action.path, action.value);
    case "forward":
      return forward.change(action.op, action.rule);
    case "nat":
      await programs.run("nft", ["-f", "-"], natScript(action.text));
      return;
    case "file":
      return action.text === undefined
        ? rmSync(action.path, { force: true })
        : writeNames(action.path, action.text);
    case "directory":
      return removeEmpty(action.path);
  }
}

// Declared first, so that the deletion never fails. All of it is one transaction.
function natScript(text: string | undefined): string {
  return `table ${NAT_TABLE} { }\ndelete table ${NAT_TABLE}\n${text ?? ""}`;
}

function writeSysctl(path: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${path}`, value);
  } catch (error) {
    throw new CniError(
      "io",
      `/proc/sys/${path} cannot be set to ${value} (${reasonOf(error)}): is /proc/sys mounted read-only, as in an unprivileged container?`,
    );
  }
}

function absentDirectories(path: string): readonly string[] {
  return existsSync(path) || dirname(path) === path
    ? []
    : [...absentDirectories(dirname(path)), path];
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    const code = reasonOf(error);
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(code))
      throw new CniError(
        "io",
        `the directory ${path}, which was made for the tables' names, cannot be removed (${code}): remove it by hand`,
      );
  }
}

function writeNames(path: string, text: string): void {
  try {
    replaceFile(path, text, { file: 0o644, directory: 0o755 });
  } catch (error) {
    throw new CniError(
      "io",
      `${path} cannot be written (${reasonOf(error)}): set "routes": {"namesDir": ""} for no names`,
    );
  }
}
