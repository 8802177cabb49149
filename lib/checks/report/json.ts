/** Pure: what checks have found, for programs. */
import { pageOf, type Category, type Finding } from "../finding";
import { statusOf, worstFirst, type Verdict } from "../run";

/** A finding as it is published. */
export interface FindingObject extends Omit<Finding, "subject"> {
  readonly subject: string | null;
  readonly page: string;
}

/** All of it as it is published. */
export interface StatusObject {
  readonly conf: string | null;
  readonly status: 0 | 1 | 2;
  readonly findings: readonly FindingObject[];
  readonly categories: readonly {
    readonly category: Category;
    readonly state: Verdict["state"];
    readonly summaries: readonly string[];
    readonly couldNotLook: readonly { readonly check: string; readonly why: string }[];
  }[];
}

/** As the object that conf/status.schema.json describes. What is absent is null. */
export function statusObject(conf: string | undefined, verdicts: readonly Verdict[]): StatusObject {
  return {
    conf: conf ?? null,
    status: statusOf(verdicts),
    findings: worstFirst(verdicts).map(findingObject),
    categories: verdicts.map(({ category, state, summaries, blind }) => ({
      category,
      state,
      summaries: summaries.filter((text) => text !== ""),
      couldNotLook: blind,
    })),
  };
}

function findingObject({ subject, ...finding }: Finding): FindingObject {
  return { ...finding, subject: subject ?? null, page: pageOf(finding.code) };
}
