/** Pure: what the chains of our nftables table are written with. */
import { hex, type Mark } from "../../net/mark";

/** A chain for the text of the table. */
export function chainOf(name: string, lines: readonly string[]): readonly string[] {
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), "  }"];
}

/** Whether a packet carries the mark, or, with `!=`, does not. */
export function markMatch({ value, mask }: Mark, operator: "==" | "!=" = "=="): string {
  return `meta mark & ${hex(mask)} ${operator} ${hex(value)}`;
}
