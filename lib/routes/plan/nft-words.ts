/** Pure: what the chains of our nftables table are written with. */
import { hex, type Mark, markDigits, markOfDigits } from "../../net/mark";

/** A chain for the text of the table. */
export function chainOf(name: string, lines: readonly string[]): readonly string[] {
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), "  }"];
}

/** Whether a packet carries the mark, or, with `!=`, does not. */
export function markMatch({ value, mask }: Mark, operator: "==" | "!=" = "=="): string {
  return `meta mark & ${hex(mask)} ${operator} ${hex(value)}`;
}

/** The counter object of what is dropped with the mark. */
export function stoppedCounter(mark: Mark): string {
  return `stopped_${markDigits(mark)}`;
}

/** The mark of such a counter; undefined: its name is none of ours. */
export function stoppedMark(counter: string): Mark | undefined {
  const [, value, mask] = /^stopped_([0-9a-f]{1,8})_([0-9a-f]{1,8})$/.exec(counter) ?? [];
  return mask === undefined ? undefined : markOfDigits(value, mask);
}
