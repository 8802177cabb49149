/** A command of the binary by hand on the node of a test, and its records made older. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "./harness";
import { launch } from "./launch";
import type { NodeWorld } from "./node-world";
import type { Outcome } from "./outcome";

/** `wrapper WORDS...`; no environment but PATH: a person at night prepares nothing. */
export async function command(
  world: NodeWorld,
  ...words: string[]
): Promise<Omit<Outcome, "id" | "calls">> {
  return launch({
    netns: world.netns,
    command: [BINARY, ...words],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "",
    options: {},
  });
}

/** As if more than a minute had passed since the ADDs: what is younger is not taken down. */
export function makeOld({ dataDir }: Pick<NodeWorld, "dataDir">): void {
  rmSync(join(dataDir, "collected"), { force: true });
  for (const name of readdirSync(dataDir).filter((each) => each.endsWith(".json"))) {
    const file = join(dataDir, name);
    const record = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...record, since: "2026-01-01T00:00:00.000Z" }));
  }
}
