/** Items by their key, for looking up. */
export function groupBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): (key: string) => readonly T[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return (key) => groups.get(key) ?? [];
}
