/** Pure: pieces of the sentences about a conflist. */
import { shellWord } from "../../text/shell";

/** `stdin`: what was read cannot be edited in place. */
export interface FileFacts {
  /** As it was named on the command line; `stdin`. */
  readonly file: string;
}

/** The sentence's first letter as a capital: what no command can do. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A command that changes the file by a sed script. */
export function edited(file: string, script: string): string {
  return `sed -i ${shellWord(script)} ${file === "stdin" ? "FILE" : shellWord(file)}`;
}
