/** An IP version, as programs take it (`ip -4`, `ip -6`). */
export type Family = 4 | 6;

/** Both families, in the order in which everything is done. */
export const FAMILIES: readonly Family[] = [4, 6];

/** The family of an address or network that is known to be one. */
export function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

/** The families of which there is an address, in the order of `FAMILIES`. */
export function familiesOf(addresses: readonly string[]): readonly Family[] {
  return FAMILIES.filter((family) => addresses.some((address) => familyOf(address) === family));
}
