/**
 * Puts a script of the test in the place of the iptables programs, for one run of the binary: a
 * bind mount inside that run's mount namespace, so the product needs no hook and no other process
 * of the machine sees it.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { BACKEND } from "./mode";
import { shellQuote } from "./shell";

const SBIN = "/usr/sbin";

export interface Toolbox {
  /**
   * Returns the `wrap` for a run in which every `*-restore` runs `before`, then the real tool, then
   * `after` (shell text; $PPID is the binary, $name the tool, $status the real tool's exit status).
   */
  around(hooks: { readonly before?: string; readonly after?: string }): string;
  /** Returns the `wrap` for a run in which the programs of this run's backend say this on stderr and fail. */
  failing(words: string): string;
  /** Returns the `wrap` for a run on a node without any of the programs in /usr/sbin. */
  readonly nothingInSbin: string;
  /** Returns the `wrap` for a run on a node where programs whose names match these shell patterns are missing from /usr/sbin. */
  without(...patterns: readonly string[]): string;
}

/** A toolbox that keeps its scripts and copies of the real programs in `dir`. */
export function createToolbox(dir: string): Toolbox {
  const real = join(dir, "real");
  const multis = copyRealTools(real);
  let serial = 0;
  const instead = (programs: readonly string[], text: string): string => {
    const script = join(dir, `tool-${++serial}`);
    writeFileSync(script, text, { mode: 0o755 });
    return programs
      .map((program) => `mount --bind ${shellQuote(script)} ${shellQuote(program)}`)
      .join("\n");
  };
  const around: Toolbox["around"] = ({ before = "", after = "" }) =>
    instead(multis, toolScript(real, before, after));
  return {
    around,
    failing: (words) => {
      const fail = `echo ${shellQuote(words)} >&2; exit 1`;
      return BACKEND === "nftables"
        ? instead([join(SBIN, "nft")], `#!/bin/sh\n${fail}\n`)
        : around({ before: fail });
    },
    nothingInSbin: `mount -t tmpfs none ${SBIN}`,
    without: (...patterns) => {
      const copy = shellQuote(join(dir, `sbin-${++serial}`));
      // Copied by the first run that has this `wrap`.
      return `[ -d ${copy} ] || cp -a ${SBIN} ${copy}\n(cd ${copy} && rm -f ${patterns.join(" ")})\nmount --bind ${copy} ${SBIN}`;
    },
  };
}

function toolScript(real: string, before: string, after: string): string {
  return `#!/bin/sh
name=\${0##*/}
case $name in
*-restore) ;;
*) exec ${shellQuote(real)}/"$name" "$@" ;;
esac
${before}
${shellQuote(real)}/"$name" "$@"
status=$?
${after}
exit $status
`;
}

function copyRealTools(real: string): readonly string[] {
  mkdirSync(real);
  const multis = new Set<string>();
  for (const name of readdirSync(SBIN).filter((each) => /^(ip6?|x)tables-/.test(each))) {
    const target = realpathSync(join(SBIN, name));
    if (!basename(target).endsWith("-multi")) continue;
    multis.add(target);
    const copy = join(real, basename(target));
    if (!existsSync(copy)) copyFileSync(target, copy);
    if (name !== basename(target)) symlinkSync(copy, join(real, name));
  }
  return [...multis];
}
