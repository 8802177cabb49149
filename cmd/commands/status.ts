/** `wrapper status`: everything that can be wrong with this node, the worst first. */
import { CATEGORIES, type Category } from "../../lib/checks/finding";
import { statusObject } from "../../lib/checks/report/json";
import { runChecks, statusOf, type Verdict } from "../../lib/checks/run";
import { CniError } from "../../lib/cni/error";
import { outputFormat, type RunCommand, type Values } from "../command";
import type { Io } from "../io";
import { printVerdicts } from "../screen/verdicts";
import { keepShowing } from "../screen/watch";
import { withSignOfLife } from "../screen/waiting";
import { nodeChecks, selected } from "../status/checks";
import { named } from "../status/named";

/** With --watch, between the end of one look and the next (ms). */
const WATCH_MS = 2000;

/** Returns 0 when nothing is wrong, 1 when something is, 2 when something could not be looked at. */
export const statusCommand: RunCommand = async (io, _positionals, values) => {
  const json = outputFormat(values) === "json";
  const only = categoriesOf(values);
  const look = async (): Promise<Shown> => {
    const { checks, conf } = nodeChecks(io, values);
    const verdicts = await withSignOfLife("looking at the node", () =>
      runChecks(selected(checks, only).filter(({ local }) => local || values.local !== true)),
    );
    return { conf, verdicts: verdicts.map((verdict) => named(verdict, values.conf)) };
  };
  if (values.watch === true)
    return keepShowing(io, WATCH_MS, async () => {
      const seen = await look();
      return () => show(io, seen, json);
    });
  return show(io, await look(), json);
};

interface Shown {
  readonly conf: string | undefined;
  readonly verdicts: readonly Verdict[];
}

function show(io: Io, { conf, verdicts }: Shown, json: boolean): number {
  if (json) io.stdout(`${JSON.stringify(statusObject(conf, verdicts), null, 2)}\n`);
  else printVerdicts(io, verdicts);
  if (process.geteuid?.() !== 0 && verdicts.some(({ blind }) => blind.length > 0))
    io.stderr("wrapper status: run it as root, for example with sudo, to look at everything\n");
  return statusOf(verdicts);
}

/** What --only asks for. Throws CniError `invalidEnvironment` for a category that does not exist. */
function categoriesOf({ only }: Values): readonly Category[] | undefined {
  if (only === undefined) return undefined;
  const known = Object.keys(CATEGORIES) as Category[];
  return only.split(",").map((name) => {
    const category = known.find((each) => each === name.trim());
    if (category !== undefined) return category;
    throw new CniError(
      "invalidEnvironment",
      `unknown category "${name}": use some of ${known.join(",")}`,
    );
  });
}
