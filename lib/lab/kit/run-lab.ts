/** Prepares the workspace of one lab, runs the lab in it, and removes everything. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, own, parseJson } from "../../cni/json";
import type { Lab, Setup } from "./lab";
import { findLauncher, OUR_TYPE, PACKED_BESIDE_LAUNCHER } from "./needs";
import type { Shell } from "./shell";
import type { Transcript } from "./transcript";
import { createWorkspace, removeLeft, removeWorkspace } from "./workspace";

const OLDEST_LIST_VERSION = "0.4.0";

export interface LabOptions {
  readonly keep: boolean;
  /** Runs the steps for an audience, which only some labs have. */
  readonly page?: boolean;
  /** Where the machine's CNI plugins are. */
  readonly pluginDirs: readonly string[];
  /** A program that serves Kubernetes objects, for labs that can use one. */
  readonly apiServer?: string;
  /** The launcher's file, for labs that use it; default: where it lies beside this binary. */
  readonly launcher?: string;
}

/**
 * Runs a lab in a workspace of its own. Whatever happens, the workspace is removed, unless it is to
 * be kept and the lab came to its end. Throws what the lab throws.
 */
export async function runLab(
  lab: Lab,
  tools: { shell: Shell; transcript: Transcript; signal: AbortSignal },
  options: LabOptions,
): Promise<void> {
  // Of labs that were killed: their processes would run for ever.
  await removeLeft({ kept: false });
  const workspace = createWorkspace(tools.shell, tools.transcript);
  const onAbort = (): void => workspace.killAll();
  tools.signal.addEventListener("abort", onAbort);
  let kept = false;
  try {
    const setup = await prepare(lab, workspace, tools, options);
    await (options.page === true ? lab.runWithPage?.(setup) : lab.run(setup));
    if (options.keep) {
      workspace.keep();
      kept = true;
      sayHowToLookAround(setup, lab.lookAround?.(setup));
    }
  } finally {
    tools.signal.removeEventListener("abort", onAbort);
    if (!kept) await removeWorkspace(workspace.dir);
  }
}

async function prepare(
  lab: Lab,
  workspace: Setup["workspace"],
  { shell, transcript }: { shell: Shell; transcript: Transcript },
  options: LabOptions,
): Promise<Setup> {
  const { dir } = workspace;
  const bin = join(dir, "bin");
  mkdirSync(bin);
  installPlugin(bin, lab.launcher === true ? findLauncher(options.launcher) : undefined);
  const cniPath = [bin, ...options.pluginDirs];
  return {
    transcript,
    workspace,
    shell,
    dir,
    keep: options.keep,
    apiServer: options.apiServer,
    agentSocket: lab.launcher === true ? join(dir, "agent.sock") : undefined,
    binary: process.execPath,
    cniPath,
    cniVersion: await commonVersion(shell, lab.plugins, options.pluginDirs),
    wrapper: (on, args, more) => {
      const shown = ["wrapper", ...args].join(" ").replaceAll(`${dir}/`, "");
      return on.show([process.execPath, ...args], { as: shown, ...more });
    },
    write: (name, content) => {
      const path = join(dir, name);
      writeFileSync(
        path,
        typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`,
      );
      return path;
    },
  };
}

/** As an operator installs it: one file, or the launcher and the packed binary beside it. */
function installPlugin(bin: string, launcher: string | undefined): void {
  const plugin = join(bin, OUR_TYPE);
  if (launcher === undefined) return symlinkSync(process.execPath, plugin);
  symlinkSync(process.execPath, join(bin, PACKED_BESIDE_LAUNCHER));
  copyFileSync(launcher, plugin);
}

// Ubuntu 22.04 ships plugins that stop at 0.4.0.
async function commonVersion(
  shell: Shell,
  plugins: readonly string[],
  dirs: readonly string[],
): Promise<string> {
  const env = { CNI_COMMAND: "VERSION" };
  for (const type of plugins) {
    const script = dirs.map((dir) => `[ -x '${dir}/${type}' ] && exec '${dir}/${type}'`).join("\n");
    const said = parseJson(
      Buffer.from(await shell.must(["sh", "-c", script], { env, stdin: '{"cniVersion":"1.0.0"}' })),
      `VERSION of ${type}`,
    );
    const versions = isObject(said) ? own(said, "supportedVersions") : undefined;
    if (!Array.isArray(versions) || !versions.includes("1.0.0")) return OLDEST_LIST_VERSION;
  }
  return "1.0.0";
}

function sayHowToLookAround(
  { transcript, workspace, dir, binary }: Setup,
  commands: readonly string[] = [`ip netns exec ${nodeOf(workspace)} ip rule`],
): void {
  transcript.say(
    "",
    `Left standing: the network namespaces ${workspace.prefix}-*, and ${dir}. To look around, for example:`,
    `  ip netns list | grep ${workspace.prefix}`,
    ...commands.map((command) => `  sudo ${command}`),
    "To remove it:",
    `  sudo ${binary} lab --remove`,
  );
}

function nodeOf({ namespaces, prefix }: Setup["workspace"]): string {
  return namespaces.find((netns) => netns.startsWith(`${prefix}-node`)) ?? namespaces[0] ?? "";
}
