/**
 * Starts `count` runs at once and waits for all of them before it throws the first failure, so that
 * none goes on into the next test. Resolves with their values in order.
 */
export async function together<T>(
  count: number,
  body: (n: number) => Promise<T>,
): Promise<readonly T[]> {
  const settled = await Promise.allSettled(Array.from({ length: count }, (_, n) => body(n)));
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}
