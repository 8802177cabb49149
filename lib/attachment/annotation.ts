import type { PodAnnotations } from "../ports";

export type AnnotationSource = "pod" | "namespace";

export interface Choice {
  readonly key: string;
  readonly value: string;
  readonly source: AnnotationSource;
}

/**
 * The annotation that decides: the first key that is present, all keys on the pod before any on
 * its namespace. A present but empty value decides too (and is refused later): falling back in
 * silence would hand the pod a tenant nobody asked for.
 */
export function chooseAnnotation(
  keys: readonly string[],
  found: PodAnnotations,
): Choice | undefined {
  for (const source of ["pod", "namespace"] as const) {
    for (const key of keys) {
      if (Object.hasOwn(found[source], key))
        return { key, value: found[source][key] ?? "", source };
    }
  }
  return undefined;
}
