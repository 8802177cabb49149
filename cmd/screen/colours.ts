import { styleText } from "node:util";

/**
 * True where what goes to stdout may have colours, as Node.js judges it: on a terminal that has some,
 * unless NO_COLOR is set; with FORCE_COLOR=1 (2, 3) anywhere, with FORCE_COLOR=0 nowhere.
 */
export function hasColours(): boolean {
  return styleText("bold", "", { stream: process.stdout }) !== "";
}
