/** JSON for people: what fits on one line is on one line. */
const WIDTH = 92;

/** Any value that JSON can hold; `keyLength` is the length of what precedes it on its first line. */
export function shortJson(value: unknown, indent = "", keyLength = 0): string {
  const line = oneLine(value);
  if (
    typeof value !== "object" ||
    value === null ||
    indent.length + keyLength + line.length <= WIDTH
  )
    return line;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? (value as readonly unknown[]).map((each) => shortJson(each, inner))
    : entries(value).map(
        ([key, each]) => `${JSON.stringify(key)}: ${shortJson(each, inner, key.length + 4)}`,
      );
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${(value as readonly unknown[]).map(oneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts = entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${oneLine(each)}`);
  return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
}

function entries(value: object): readonly (readonly [string, unknown])[] {
  return Object.entries(value).filter(([, each]) => each !== undefined);
}
