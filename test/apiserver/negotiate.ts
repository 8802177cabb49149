/** What the Accept header asks for. */
export type Representation =
  | { readonly kind: "full" }
  | { readonly kind: "metadata"; readonly apiVersion: string; readonly isList: boolean };

interface Clause {
  readonly type: string;
  readonly params: ReadonlyMap<string, string>;
  readonly weight: number;
}

const JSON_TYPES = new Set(["application/json", "application/*", "*/*"]);
const META_VERSIONS = new Set(["v1", "v1beta1"]);

/**
 * Chooses the representation: the whole object or only its metadata. Clauses that this server
 * does not speak (Table, protobuf, YAML) are passed over, as a real one does with types it does
 * not know; undefined means that nothing acceptable is left (406).
 */
export function negotiate(accept: string | undefined): Representation | undefined {
  if (accept === undefined || accept.trim() === "") return { kind: "full" };
  const clauses = accept
    .split(",")
    .map(readClause)
    .sort((a, b) => b.weight - a.weight);
  for (const clause of clauses) {
    const chosen = choose(clause);
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

function choose(clause: Clause): Representation | undefined {
  if (!JSON_TYPES.has(clause.type) || clause.weight === 0) return undefined;
  const as = clause.params.get("as");
  if (as === undefined) return { kind: "full" };
  const version = clause.params.get("v") ?? "";
  const known = as === "PartialObjectMetadata" || as === "PartialObjectMetadataList";
  if (!known || clause.params.get("g") !== "meta.k8s.io" || !META_VERSIONS.has(version))
    return undefined;
  return {
    kind: "metadata",
    apiVersion: `meta.k8s.io/${version}`,
    isList: as === "PartialObjectMetadataList",
  };
}

function readClause(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const params = new Map(
    rest.map((param): [string, string] => {
      const equals = param.indexOf("=");
      return equals < 0 ? [param, ""] : [param.slice(0, equals), param.slice(equals + 1)];
    }),
  );
  const weight = Number(params.get("q") ?? "1");
  return { type: type.toLowerCase(), params, weight: Number.isNaN(weight) ? 1 : weight };
}
