/** An IP version, as the number that programs take it by (`ip -4`, `ip -6`). */
export type Family = 4 | 6;

/** Both, in the order in which everything is done for them. */
export const FAMILIES: readonly Family[] = [4, 6];
