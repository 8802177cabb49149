/** Pure: explanations for programs. */
import { pageOf, type Finding } from "../../checks/finding";
import type { Explanation, Step } from "../model";

/** One JSON object with a path for each destination. `conf`: the conflist. */
export function toJson(conf: string, explanations: readonly Explanation[]): string {
  const paths = explanations.map(({ first, steps, ...rest }) => ({
    ...rest,
    first: first === undefined ? null : withPage(first),
    steps: steps.map(stepOf),
  }));
  return `${JSON.stringify({ conf, paths }, null, 2)}\n`;
}

function stepOf({ finding, steps, ...rest }: Step): object {
  return {
    ...rest,
    ...(finding === undefined ? {} : { finding: withPage(finding) }),
    ...(steps === undefined ? {} : { steps: steps.map(stepOf) }),
  };
}

function withPage(finding: Finding): object {
  return { ...finding, page: pageOf(finding.code) };
}
