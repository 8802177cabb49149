import { DURATION_BOUNDS, DURATION_PATTERN, type DurationKey, formatDuration } from "../duration";

/** One IPv4 or IPv6 address; a check tells whether it really is one. */
export const ADDRESS_PATTERN = "^[0-9a-fA-F:.]{2,45}$";
/** A name that the kernel takes for an interface (IFNAMSIZ: 15 bytes). */
export const DEVICE_PATTERN = "^(?!\\.{1,2}$)[^/:\\s\\x00-\\x1f\\x7f]{1,15}$";
/** Absolute, without a `..` segment and without control characters. */
const ABSOLUTE_PATH = "(?!.*(?:^|/)\\.\\.(?:/|$))/[^\\x00-\\x1f\\x7f]{1,4095}";
export const PATH_PATTERN = `^${ABSOLUTE_PATH}$`;
export const PATH_OR_EMPTY_PATTERN = `^(?:${ABSOLUTE_PATH})?$`;

/** The part of JSON Schema draft-07 that our schema uses; what is not listed here is not used. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  /** For operators: becomes the reference in docs/configuration.md. */
  readonly description?: string;
  /** The remedy shown when a value is refused; editors show it too. */
  readonly errorMessage?: string;
  readonly default?:
    string | number | boolean | readonly string[] | Readonly<Record<string, never>>;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly (string | number)[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly not?: Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly required?: readonly string[];
  readonly dependencies?: Readonly<Record<string, readonly string[]>>;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

interface DurationSchema {
  readonly type: "string";
  readonly pattern: string;
  readonly default: string;
  readonly description: string;
  readonly errorMessage: string;
}

/** A time as text, such as `5s`; its bounds are checked by a rule, because a pattern cannot. */
export function duration(key: DurationKey, byDefault: string, description: string): DurationSchema {
  const range = `from ${formatDuration(DURATION_BOUNDS[key].min)} to ${formatDuration(DURATION_BOUNDS[key].max)}`;
  return {
    type: "string",
    pattern: DURATION_PATTERN,
    default: byDefault,
    description: `${description} A whole number with the unit \`ms\`, \`s\` or \`m\`, ${range}.`,
    errorMessage: `write a whole number and its unit (ms, s or m), ${range}, such as "${byDefault}"`,
  };
}
