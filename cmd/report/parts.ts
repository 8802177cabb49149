/** What is in a report. */
import { dirname, join } from "node:path";
import { release, version as kernel } from "node:os";
import type { PluginConf } from "../../conf/types";
import { CniError } from "../../lib/cni/error";
import { FAMILIES } from "../../lib/net/family";
import { PROGRAM_ENVIRONMENT } from "../../lib/node/host";
import type { Programs } from "../../lib/node/programs";
import type { Exec } from "../../lib/ports";
import type { Part } from "../../lib/report/collect";
import type { ForwardTable } from "../../lib/routes/kernel/forward";
import { defaultCniPath, runtimeConfDir } from "../conflist";
import { aboutText } from "../version";
import { agentPage } from "./agent";
import { conflistsIn, conflistText, endOfFile, journalText, listing } from "./files";

export interface Sources {
  /** The defaults where no conflist could be read. */
  readonly conf: PluginConf;
  /** Of the conflist; undefined: none could be read. */
  readonly path: string | undefined;
  readonly programs: Programs;
  readonly exec: Exec;
  readonly firewall: Pick<ForwardTable, "saved">;
  /** Names of the commands of this binary. */
  readonly commands: readonly string[];
}

const UNITS = ["tenant-routing-agent", "tenant-routing-routes"];
/** Settings that decide where packets go. */
const SYSCTL =
  /^net\.(?:ipv[46]\.(?:ip_forward|conf\.[^ ]+\.(?:forwarding|rp_filter|src_valid_mark))|netfilter\.)/;
/** How long one of our own commands may take (ms). */
const COMMAND_MS = 60_000;

/** All parts, in the order in which they are read by a person. */
export function partsOf(sources: Sources): readonly Part[] {
  return [
    { name: "versions", read: () => versions(sources) },
    ...ownCommands(sources),
    ...conflists(sources),
    ...firewalls(sources),
    ...routing(sources),
    ...state(sources.conf),
    ...UNITS.map((unit) => ({
      name: `units/${unit}.log`,
      keeps: "end" as const,
      read: () => output(sources, "journalctl", "-u", unit, "-n", "1000", "--no-pager"),
    })),
    ...defaultCniPath().map((dir) => ({
      name: `listings${dir.replaceAll("/", "_")}`,
      read: async () => listing(dir),
    })),
    { name: "listings_var_lib_cni", read: async () => listing("/var/lib/cni") },
  ];
}

async function versions({ programs }: Sources): Promise<string> {
  const asked = [
    ["iptables", "--version"],
    ["nft", "--version"],
    ["ip", "-V"],
  ] as const;
  const said = await Promise.all(
    asked.map(async ([name, flag]) => {
      if (!programs.has(name)) return `${name}: not installed`;
      const { stdout, said: complaint } = await programs.try(name, [flag]);
      return stdout.trim() === "" ? complaint : stdout.trim();
    }),
  );
  return [aboutText(), `${release()} ${kernel()}`, ...said, osRelease()].join("\n");
}

function osRelease(): string {
  try {
    return endOfFile("/etc/os-release").toString();
  } catch (error) {
    return (error as Error).message;
  }
}

/** What the other commands say; `status` where this binary has it. */
function ownCommands({ commands, exec, path }: Sources): readonly Part[] {
  const calls = [
    ["status"],
    ["check", "--no-delegate"],
    ["drift"],
    ["rules"],
    ["routes", "plan"],
    ["routes", "show"],
  ];
  return calls
    .filter(([name = ""]) => commands.includes(name))
    .map((words) => ({
      name: `commands/${words.filter((word) => !word.startsWith("-")).join("-")}.json`,
      read: () =>
        own(exec, [...words, "-o", "json", ...(path === undefined ? [] : ["--conf", path])]),
    }));
}

/** In a process of its own: whatever becomes of it, the report goes on. */
async function own(exec: Exec, args: readonly string[]): Promise<string> {
  const outcome = await exec.run({
    path: process.execPath,
    args,
    env: PROGRAM_ENVIRONMENT,
    stdin: "",
    timeoutMs: COMMAND_MS,
    maxStdout: 16 * 1024 * 1024,
    maxStderr: 64 * 1024,
  });
  const end = outcome.timedOut
    ? `did not finish within ${COMMAND_MS} ms`
    : `status ${outcome.exitCode ?? outcome.signal ?? "?"}`;
  return `${new TextDecoder().decode(outcome.stdout)}\n${outcome.stderr}\n${end}\n`;
}

/** Those of the directory that the runtime reads, and the one that was named. */
function conflists({ path }: Sources): readonly Part[] {
  const dirs = [...new Set([runtimeConfDir(), ...(path === undefined ? [] : [dirname(path)])])];
  return [
    ...(path === undefined
      ? []
      : [{ name: "conflist.json", read: async () => conflistText(path) }]),
    ...dirs.flatMap((dir, i) => [
      { name: `net.d${i === 0 ? "" : i}.listing`, read: async () => listing(dir) },
      {
        name: `net.d${i === 0 ? "" : i}.txt`,
        read: async () =>
          conflistsIn(dir)
            .map(([name, text]) => `== ${name}\n${text}`)
            .join("\n"),
      },
    ]),
  ];
}

function firewalls({ firewall, programs }: Sources): readonly Part[] {
  return [
    // All variants that have tables; looking at another one would make its tables.
    {
      name: "firewall/iptables",
      read: async () =>
        (await firewall.saved())
          .map((saved) => `== ${saved.program}\n${"text" in saved ? saved.text : saved.problem}\n`)
          .join("\n"),
    },
    { name: "firewall/nft", read: () => programs.run("nft", ["-a", "list", "ruleset"]) },
    { name: "firewall/sysctl", read: () => settings(programs) },
  ];
}

async function settings(programs: Programs): Promise<string> {
  const { stdout } = await programs.try("sysctl", ["-a"]);
  return `${stdout
    .split("\n")
    .filter((line) => SYSCTL.test(line))
    .join("\n")}\n`;
}

function routing(sources: Sources): readonly Part[] {
  const ip = (name: string, ...args: readonly string[]): Part => ({
    name: `routing/${name}`,
    read: () => output(sources, "ip", ...args),
  });
  return [
    ...FAMILIES.flatMap((family) => [
      ip(`rule${family}`, `-${family}`, "-d", "rule", "show"),
      ip(`routes${family}`, `-${family}`, "-d", "route", "show", "table", "all"),
      ip(`neighbours${family}`, `-${family}`, "-s", "neigh", "show"),
    ]),
    ip("links", "-d", "-s", "addr", "show"),
  ];
}

function state(conf: PluginConf): readonly Part[] {
  const { dataDir, logFile, kubeconfig, agent, routes } = conf;
  const { statusFile } = routes.watch;
  return [
    { name: "journal.json", read: async () => journalText(dataDir) },
    { name: "journal.listing", read: async () => listing(dataDir) },
    ...(logFile === undefined
      ? []
      : [
          {
            name: "wrapper.log",
            keeps: "end" as const,
            read: async () => endOfFile(logFile).toString(),
          },
        ]),
    // What is in it is nobody's business.
    ...(kubeconfig === undefined
      ? []
      : [{ name: "kubeconfig.listing", read: async () => listing(kubeconfig) }]),
    ...(statusFile === undefined
      ? []
      : [{ name: "watcher-status.json", read: async () => endOfFile(statusFile).toString() }]),
    ...["/metrics", "/readyz", "/healthz"].map((page) => ({
      name: join("agent", page),
      read: () => agentPage(agent.socket, page),
    })),
  ];
}

async function output(
  { programs }: Sources,
  name: string,
  ...args: readonly string[]
): Promise<string> {
  const { ok, stdout, said } = await programs.try(name, args);
  if (!ok && stdout === "") throw new CniError("io", `${name} ${args.join(" ")} failed: ${said}`);
  return said === "" ? stdout : `${stdout}\n${said}\n`;
}
