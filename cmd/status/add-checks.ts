/** Composition of what has to be well before an ADD can succeed: for CNI STATUS and the agent's /readyz. */
import type { AddNeeds } from "../../lib/attachment/context";
import type { Journal } from "../../lib/attachment/journal";
import { accessChecks } from "../../lib/checks/access/checks";
import { addMachineChecks } from "../../lib/checks/node/checks";
import type { Check } from "../../lib/checks/run";
import { delegateCheck } from "../../lib/checks/runtime/delegates";
import { systemClock } from "../../lib/node/clock";
import { readRuntimeDirs } from "../../lib/node/cni/runtime-dirs";
import { DEFAULT_CNI_PATH } from "../command";
import { kubeletOf } from "../conflist";

/** Local, and quick: STATUS is asked every few seconds, and its failure makes the node NotReady. */
export function addChecks(
  journal: Pick<Journal, "inspect">,
  { conf, marks, path }: AddNeeds,
): readonly Check[] {
  const given = (): AddNeeds["conf"] => conf;
  const api = (): never => {
    throw new Error("nobody asks");
  };
  const others = DEFAULT_CNI_PATH.split(":");
  const kubelet = () => kubeletOf(readRuntimeDirs());
  return [
    ...addMachineChecks({ conf: given, journal: () => journal, marks: () => marks }),
    ...accessChecks({ conf: given, api, clock: systemClock, kubelet }).filter(({ local }) => local),
    ...(path === undefined
      ? []
      : [delegateCheck(conf, { dirs: path, others, binary: process.execPath })]),
  ];
}
