/** Reads the firewalls of this node for foreign rules. */
import type { Programs } from "../../node/programs";
import type { ForwardTable } from "../../routes/kernel/forward";
import { readMarkUses, type MarkUses } from "../../routes/kernel/surroundings";
import { foreignRules, type ForeignRule } from "./model";

/** Foreign rules that write marks on certain addresses, and a sentence about each firewall that could not be read. */
export interface Foreign {
  readonly rules: readonly ForeignRule[];
  readonly unseen: readonly string[];
}

/** Those of every variant and of native tables. Makes no table by looking, and does not throw. */
export async function readForeign(
  programs: Programs,
  firewall: Pick<ForwardTable, "saved">,
): Promise<Foreign> {
  return foreignIn(await readMarkUses(programs, firewall));
}

/** Those in what has been read already. */
export function foreignIn({ markUses, unseen }: MarkUses): Foreign {
  return { rules: foreignRules(markUses), unseen };
}
