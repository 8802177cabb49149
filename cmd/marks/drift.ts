import { statusObject } from "../../lib/checks/report/json";
import { statusOf } from "../../lib/checks/run";
import { outputFormat, type RunCommand } from "../command";
import { printVerdicts } from "../screen/verdicts";
import { verdictsOf, withComparison } from "./compare";

/**
 * `wrapper drift`: what differs from what should be. Returns 0 when nothing does, 1 when something does, 2
 * when something could not be looked at; throws when nothing could.
 */
export const driftCommand: RunCommand = async (io, _positionals, values) => {
  const isJson = outputFormat(values) === "json";
  return withComparison(io, values, async (comparison) => {
    const verdicts = await verdictsOf(comparison);
    const { path } = comparison.opened;
    if (isJson) io.stdout(`${JSON.stringify(statusObject(path, verdicts), null, 2)}\n`);
    else printVerdicts(io, verdicts, `configuration: ${path}\n`);
    return statusOf(verdicts);
  });
};
