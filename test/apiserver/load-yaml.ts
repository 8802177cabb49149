import { parseAllDocuments } from "yaml";

/** An object as written in a manifest: named, but without what the server adds. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string };
  readonly [field: string]: unknown;
}

/**
 * Reads a multi-document YAML text as kubectl does: empty documents are skipped, a List is its
 * items, namespaces come first so that the order inside a file does not matter. Throws an Error
 * that names the document for bad YAML, a missing name, or an annotation or label that is not a
 * string (the real server refuses `fwmark: 16` without quotes too).
 */
export function loadManifests(text: string): Manifest[] {
  const found: Manifest[] = [];
  for (const [index, document] of parseAllDocuments(text).entries()) {
    const where = `document ${index + 1}`;
    const problem = document.errors[0];
    if (problem !== undefined) throw new Error(`${where} is not valid YAML: ${problem.message}`);
    const value: unknown = document.toJS();
    if (value !== null && value !== undefined) found.push(...expand(value, where));
  }
  return [...found.filter(isNamespace), ...found.filter((manifest) => !isNamespace(manifest))];
}

const isNamespace = (manifest: Manifest): boolean => manifest.kind === "Namespace";

function expand(value: unknown, where: string): Manifest[] {
  if (!isRecord(value)) throw new Error(`${where} is not an object`);
  if (value["kind"] === "List" && Array.isArray(value["items"])) {
    return value["items"].flatMap((item, index) => expand(item, `${where}, item ${index + 1}`));
  }
  return [checkManifest(value, where)];
}

/** Checks one object by the rules above. `where` names it in the error. */
export function checkManifest(value: unknown, where: string): Manifest {
  if (
    !isRecord(value) ||
    typeof value["apiVersion"] !== "string" ||
    typeof value["kind"] !== "string"
  ) {
    throw new Error(`${where} has no apiVersion or kind`);
  }
  const metadata = value["metadata"];
  if (!isRecord(metadata) || typeof metadata["name"] !== "string" || metadata["name"] === "") {
    throw new Error(`${where} (${value["kind"]}) has no metadata.name`);
  }
  for (const field of ["annotations", "labels"])
    checkStrings(metadata[field], `${where}: metadata.${field}`);
  return value as unknown as Manifest;
}

function checkStrings(map: unknown, where: string): void {
  if (map === undefined || map === null) return;
  if (!isRecord(map)) throw new Error(`${where} is not a map`);
  for (const [key, value] of Object.entries(map)) {
    if (typeof value !== "string")
      throw new Error(`${where}.${key} must be a string; put it in quotes`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
