/** Foreign text for people: what a terminal would act on becomes visible. */

/** Controls (C0, DEL, C1), format characters (bidi overrides among them), line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const ESCAPED = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** True when `text` has a character that `printable` would escape, or a newline or a tab. */
export function isUnprintable(text: string): boolean {
  return UNPRINTABLE.test(text);
}

/**
 * The text with every control or format character as `\uXXXX`, newlines and tabs excepted. JSON
 * stays the same JSON: there such a character can only be part of a string.
 */
export function printable(text: string): string {
  return text.replace(ESCAPED, escapeUnits);
}

// A character beyond U+FFFF is two units, and two escapes in JSON.
function escapeUnits(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
