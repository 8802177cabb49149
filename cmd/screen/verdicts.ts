/** What checks have found, in colours where the terminal has some. */
import { statusText } from "../../lib/checks/report/text";
import type { Verdict } from "../../lib/checks/run";
import { printable } from "../../lib/text/printable";
import type { Io } from "../io";
import { hasColours } from "./colours";
import { painter } from "./paint";
import { printableIn } from "./printable-in";

/** `heading`: lines before it. */
export function printVerdicts(io: Io, verdicts: readonly Verdict[], heading = ""): void {
  if (hasColours())
    io.coloured(`${printable(heading)}${statusText(verdicts.map(printableIn), painter(true))}`);
  else io.stdout(`${heading}${statusText(verdicts, painter(false))}`);
}
