import { statusObject } from "../../lib/checks/report/json";
import { statusText } from "../../lib/checks/report/text";
import { statusOf } from "../../lib/checks/run";
import { outputFormat, type RunCommand } from "../command";
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
    io.stdout(
      isJson
        ? `${JSON.stringify(statusObject(path, verdicts), null, 2)}\n`
        : `configuration: ${path}\n${statusText(verdicts, (_style, text) => text)}`,
    );
    return statusOf(verdicts);
  });
};
