/** Sets the stage for one lab, and clears it away. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, own, parseJson } from "../../cni/json";
import type { Lab, Stage } from "./lab";
import type { Shell } from "./shell";
import type { Story } from "./story";
import { createWorld, removeLeft, removeWorld } from "./world";

const OUR_TYPE = "tenant-routing-wrapper";
const OLDEST_LIST_VERSION = "0.4.0";

export interface StageOptions {
  readonly keep: boolean;
  /** Where the machine's CNI plugins are. */
  readonly pluginDirs: readonly string[];
}

/**
 * Plays a lab on a stage of its own. Whatever happens, the stage is cleared, unless it is to be
 * kept and the lab came to its end. Throws what the lab throws.
 */
export async function playLab(
  lab: Lab,
  tools: { shell: Shell; story: Story; signal: AbortSignal },
  options: StageOptions,
): Promise<void> {
  // Of labs that were killed: their processes would run for ever.
  await removeLeft({ kept: false });
  const world = createWorld(tools.shell, tools.story);
  const onAbort = (): void => world.killAll();
  tools.signal.addEventListener("abort", onAbort);
  let kept = false;
  try {
    const stage = await setStage(lab, world, tools, options);
    await lab.play(stage);
    if (options.keep) {
      world.keep();
      kept = true;
      tellHowToLookAround(stage);
    }
  } finally {
    tools.signal.removeEventListener("abort", onAbort);
    if (!kept) await removeWorld(world.dir);
  }
}

async function setStage(
  lab: Lab,
  world: Stage["world"],
  { shell, story }: { shell: Shell; story: Story },
  options: StageOptions,
): Promise<Stage> {
  const { dir } = world;
  const bin = join(dir, "bin");
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, OUR_TYPE));
  const cniPath = [bin, ...options.pluginDirs];
  return {
    story,
    world,
    shell,
    dir,
    keep: options.keep,
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

function tellHowToLookAround({ story, world, dir, binary }: Stage): void {
  const node =
    world.namespaces.find((netns) => netns.startsWith(`${world.prefix}-node`)) ??
    world.namespaces[0] ??
    "";
  story.say(
    "",
    `Left standing: the network namespaces ${world.prefix}-*, and ${dir}. To look around, for example:`,
    `  ip netns list | grep ${world.prefix}`,
    `  sudo ip netns exec ${node} ip rule`,
    "To remove it:",
    `  sudo ${binary} lab --remove`,
  );
}
