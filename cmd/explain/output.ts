/** What `wrapper explain` prints, and in which form. */
import { CniError } from "../../lib/cni/error";
import type { Explanation } from "../../lib/explain/model";
import { toDot } from "../../lib/explain/render/dot";
import { toJson } from "../../lib/explain/render/json";
import { toMermaid } from "../../lib/explain/render/mermaid";
import { toSvg } from "../../lib/explain/render/svg";
import { toText } from "../../lib/explain/render/text";
import { hasColours } from "../screen/colours";
import { printableIn } from "../screen/printable-in";
import { EXPLAIN_FORMATS, type ExplainFormat, type Values } from "../command";
import type { Io } from "../io";

/** What --output asks for. Throws CniError `invalidEnvironment` for a format that does not exist. */
export function explainFormat({ output = "table" }: Values): ExplainFormat {
  const format = EXPLAIN_FORMATS.find((each) => each === output);
  if (format !== undefined) return format;
  throw new CniError(
    "invalidEnvironment",
    `unknown output format "${output}": use ${EXPLAIN_FORMATS.join(", ")}`,
  );
}

/** Prints the explanations. `path`: the conflist. */
export function print(
  io: Io,
  format: ExplainFormat,
  path: string,
  explanations: readonly Explanation[],
): void {
  switch (format) {
    case "json":
      return io.stdout(toJson(path, explanations));
    case "mermaid":
      return io.stdout(toMermaid(explanations));
    case "dot":
      return io.stdout(toDot(explanations));
    case "svg":
      return io.stdout(toSvg(explanations));
    case "table":
      return io.coloured(textOf(io, explanations));
  }
}

// Colours are put in after what is foreign has been made printable.
function textOf({ env }: Io, explanations: readonly Explanation[]): string {
  const look = { boxes: speaksUtf8(env), colours: hasColours() };
  return explanations.map((each) => toText(printableIn(each), look)).join("\n");
}

/** As a terminal's programs judge it (locale(7)). */
function speaksUtf8(env: Io["env"]): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return process.stdout.isTTY && /utf-?8/i.test(locale);
}
