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

/** A command that changes the file by a sed script; what comes through a pipe goes through sed as well. */
export function edited(file: string, script: string): string {
  if (file === "stdin") return `Change it where it comes from, as sed ${shellWord(script)} does`;
  return `sed -i ${shellWord(script)} ${shellWord(file)}`;
}
