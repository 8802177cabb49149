/** The member of `known` that `text` is. Throws an Error that lists them when it is none. */
export function oneOf<T extends string>(known: readonly T[], text: string | undefined): T {
  const found = known.find((member) => member === text);
  if (found === undefined)
    throw new Error(`${JSON.stringify(text)} is none of ${known.join(", ")}`);
  return found;
}
