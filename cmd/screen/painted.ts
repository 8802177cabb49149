import type { Paint } from "../../lib/checks/report/text";
import type { Io } from "../io";
import { hasColours } from "./colours";
import { painter } from "./paint";
import { printableIn } from "./printable-in";

/** Prints the text of a value, in colours where the terminal has some; what was read is made printable then. */
export function printPainted<T>(io: Io, value: T, text: (value: T, paint: Paint) => string): void {
  if (hasColours()) io.coloured(text(printableIn(value), painter(true)));
  else io.stdout(text(value, painter(false)));
}
