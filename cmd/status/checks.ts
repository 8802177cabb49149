/** Composition root of the checks. */
import { realpathSync } from "node:fs";
import type { Category } from "../../lib/checks/finding";
import type { Check } from "../../lib/checks/run";
import { runtimeChecks, type Conflist } from "../../lib/checks/runtime/checks";
import { DEFAULT_NET_DIR, readRuntimeDirs } from "../../lib/node/cni/runtime-dirs";
import { createExec } from "../../lib/node/exec";
import { cniPath, DEFAULT_CNI_PATH, type Values } from "../command";
import type { Io } from "../io";
import { build } from "../version";
import { findConflist } from "./target";

/** All checks of this node, and the conflist that they judge it by. */
export interface NodeChecks {
  readonly checks: readonly Check[];
  /** Path of the conflist; undefined: there is none. */
  readonly conf: string | undefined;
}

/** The checks of this node. What they need is looked for when they look. */
export function nodeChecks(io: Io, values: Values): NodeChecks {
  const found = readRuntimeDirs();
  const { confDir = DEFAULT_NET_DIR, binDirs, runtime: kind = "containerd" as const } = found ?? {};
  const conflist = once(() => findConflist(values.conf, confDir));
  const exec = createExec();
  const dirs = cniPath(values, io.env, binDirs);
  const runtime = {
    ...{ confDir, runtime: kind, named: values.conf, conflist, exec, dirs },
    others: DEFAULT_CNI_PATH.split(":"),
    binary: realpathSync(process.execPath),
    version: build.version,
  };
  return { checks: [...runtimeChecks(runtime)], conf: pathOf(conflist) };
}

function pathOf(conflist: () => Conflist): string | undefined {
  try {
    return conflist().path;
  } catch {
    return undefined;
  }
}

/** The same with one outcome for all calls, a failure too. */
function once<T>(body: () => T): () => T {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  return () => {
    outcome ??= attempt(body);
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
}

function attempt<T>(body: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: body() };
  } catch (error) {
    return { error };
  }
}

/** Those of these categories; all without any. */
export function selected(
  checks: readonly Check[],
  only: readonly Category[] | undefined,
): readonly Check[] {
  return only === undefined ? checks : checks.filter(({ category }) => only.includes(category));
}
