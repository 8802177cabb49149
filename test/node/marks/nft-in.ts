/** nft in a network namespace, with a process for each transaction. */
import { spawnSync } from "node:child_process";
import { createKnown } from "../../../lib/marks/nftables/known";
import type { NftAnswer, NftRunner } from "../../../lib/marks/nftables/runner";

export interface NftIn {
  nft(flags: readonly string[], commands: readonly string[]): NftAnswer;
  readonly runner: NftRunner;
  /** What the runner was asked to do. */
  readonly asked: (readonly string[])[];
  /** Whether nft is there, as the runner says it. */
  isInstalled: boolean;
}

/** For the namespace of that name. */
export function nftIn(netns: string): NftIn {
  const asked: (readonly string[])[] = [];
  const nft: NftIn["nft"] = (flags, commands) => {
    const args = ["netns", "exec", netns, "nft", ...flags, "-f", "-"];
    const input = `${commands.join("\n")}\n`;
    const { status, stdout, stderr } = spawnSync("ip", args, { input, encoding: "utf8" });
    return { ok: status === 0, stdout, said: status === 0 ? "" : stderr.replace(/\n/g, " | ") };
  };
  const world: NftIn = {
    nft,
    asked,
    isInstalled: true,
    runner: {
      has: () => world.isInstalled,
      run: async (commands) => {
        asked.push(commands);
        return nft([], commands);
      },
      check: async (commands) => nft(["-c"], commands),
      warmUp: () => {},
      stop: () => {},
      known: createKnown(),
    },
  };
  return world;
}
