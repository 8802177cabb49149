import { printable } from "../../lib/text/printable";

/** The same with every text made printable: the colours put in later are the only escapes that reach a terminal. */
export function printableIn<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(printableIn) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, printableIn(each as unknown)]),
  ) as T;
}
