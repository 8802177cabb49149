/** The checks of this machine. */
import type { PluginConf } from "../../../conf/types";
import { ERRORS, toCniError } from "../../cni/error";
import type { Journal } from "../../attachment/journal";
import type { Marks } from "../../ports";
import { findingOf } from "../finding";
import { NODE } from "../kinds/node";
import type { Check, Looked } from "../run";
import { diskFindings, diskSpace, sizeText } from "./disks";

export interface MachineView {
  /** Throws when there is no conflist. */
  readonly conf: () => PluginConf;
  readonly journal: () => Pick<Journal, "inspect">;
  readonly marks: () => Pick<Marks, "probe">;
  /** As lib/routes/kernel reads it. */
  readonly sysctl: (path: string) => string | undefined;
}

function check(name: string, look: () => Promise<Looked>): Check {
  return { name, category: "node", local: true, look };
}

/** The checks of this category. */
export function machineChecks(view: MachineView): readonly Check[] {
  return [
    ...addMachineChecks(view),
    check("disk of the log", async () => lookAtDisk("log", view.conf().logFile)),
    check("forwarding", async () => lookAtForwarding(view)),
  ];
}

/** Those of them without which no ADD succeeds. */
export function addMachineChecks(view: Omit<MachineView, "sysctl">): readonly Check[] {
  return [
    check("journal's directory", async () => inspectJournal(view)),
    check("disk of the journal", async () => lookAtDisk("journal", view.conf().dataDir)),
    check("firewall", () => probeMarks(view)),
  ];
}

function inspectJournal({ conf, journal }: Pick<MachineView, "conf" | "journal">): Looked {
  try {
    journal().inspect();
    return { findings: [] };
  } catch (thrown) {
    const { code, message: problem } = toCniError(thrown);
    if (code !== ERRORS.journal.code) throw thrown;
    const path = conf().dataDir;
    return { findings: [findingOf(NODE, "journal-unsafe", { path, problem }, path)] };
  }
}

function lookAtDisk(what: "journal" | "log", path: string | undefined): Looked {
  if (path === undefined) return { findings: [] };
  const space = diskSpace(path);
  return {
    findings: diskFindings(what, path, space),
    summary: `${sizeText(space.freeBytes)} free for the ${what}`,
  };
}

async function probeMarks({ marks }: Pick<MachineView, "marks">): Promise<Looked> {
  try {
    await marks().probe();
    return { findings: [] };
  } catch (thrown) {
    const { code, message: problem, missingPackage: missing } = toCniError(thrown);
    if (code !== ERRORS.rules.code || process.geteuid?.() !== 0) throw thrown;
    return { findings: [findingOf(NODE, "marks-unusable", { problem, missing })] };
  }
}

// Where tenants are routed, the node routes' own finding says more.
function lookAtForwarding({ conf, sysctl }: Pick<MachineView, "conf" | "sysctl">): Looked {
  const isRouted = conf().tenants?.some(({ table }) => table !== undefined) === true;
  const isOff = sysctl("net/ipv4/ip_forward") === "0";
  return { findings: isOff && !isRouted ? [findingOf(NODE, "ip-forward-off", {})] : [] };
}
