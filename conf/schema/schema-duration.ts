import { DURATION_BOUNDS, DURATION_PATTERN, formatDuration, type DurationKey } from "../duration";
import type { Schema } from "./shared";

/** A time as text, such as `5s`; its bounds are checked by a rule, because a pattern cannot. */
export function duration(key: DurationKey, byDefault: string, description: string): Schema {
  const range = `from ${formatDuration(DURATION_BOUNDS[key].min)} to ${formatDuration(DURATION_BOUNDS[key].max)}`;
  return {
    type: "string",
    pattern: DURATION_PATTERN,
    default: byDefault,
    description: `${description} A whole number with the unit \`ms\`, \`s\` or \`m\`, ${range}.`,
    errorMessage: `write a whole number and its unit (ms, s or m), ${range}, such as "${byDefault}"`,
  };
}
