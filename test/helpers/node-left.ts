/** What an attachment left on a node, wherever the product, its agent and its delegate keep something. */
import { readdirSync, readFileSync } from "node:fs";
import type { NodeWorld, Pod } from "./node-world";

const TABLES = ["tenant-routing-marks", "tenant-routing-guard"];
/** An element of a map, which begins with the pod's address. */
const ELEMENT = /\b10\.88\.[0-9.]+ [^,}]*/g;

/** `<table>: <element>` of our tables of nftables. Pods have addresses of 10.88.0.0/16. */
export function elementsOn(world: NodeWorld): readonly string[] {
  const all = world.inside(undefined, "nft", "list", "ruleset");
  return TABLES.flatMap((table) => {
    const [, text = ""] =
      new RegExp(`^table inet ${table} \\{\\n([\\s\\S]*?)^\\}`, "m").exec(all) ?? [];
    return (text.match(ELEMENT) ?? []).map((element) => `${table}: ${element.trim()}`);
  });
}

/** Everything that is left when no pod is attached. */
export function leftOn(world: NodeWorld): readonly string[] {
  return [...world.everything(), ...elementsOn(world)];
}

/** Command lines of processes that work on this pod. */
export function workersOf({ id }: Pod): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) =>
      read(`/proc/${pid}/environ`).includes(`CNI_CONTAINERID=${id}\0`)
        ? [`process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`]
        : [],
    );
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it has ended
  }
}
