import type { Tenant } from "../../conf/types";
import type { CniError } from "../cni/error";
import type { Mark } from "../net/mark";

/** The annotation that decides, and on which of the two it is. */
export interface ChosenAnnotation {
  readonly key: string;
  readonly value: string;
  readonly source: "pod" | "namespace";
}

/**
 * A pod's mark and where it comes from, or why it runs without one. none: no annotation, neither from
 * the runtime nor (where `askedApi`) at the API server. failed: it could not be found out or put in force,
 * and `onError` is "allow".
 */
export type MarkChoice =
  | (ChosenAnnotation & { readonly mark: Mark; readonly tenant: Tenant | undefined })
  | (Unmarked & { readonly source: "none"; readonly askedApi: boolean })
  | (Unmarked & { readonly source: "exempt"; readonly namespace: string })
  | (Unmarked & {
      readonly source: "failed";
      readonly step: "lookup" | "rules";
      readonly error: CniError;
    });

interface Unmarked {
  readonly mark?: undefined;
  readonly tenant?: undefined;
}

/** For people, and for the record: where the mark came from, or why there is none. */
export function choiceText(choice: MarkChoice): string {
  switch (choice.source) {
    case "none":
      return choice.askedApi
        ? "no annotation on the pod or its namespace"
        : "no annotation from the runtime, and no kubeconfig to look further";
    case "exempt":
      return `namespace ${choice.namespace} is exempt`;
    case "failed":
      return `${choice.step} failed, onError is allow`;
    default:
      return `${choice.source} annotation ${choice.key}`;
  }
}
