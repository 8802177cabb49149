/** A gateway as a person names it: `10.0.0.1 dev eth1`. */
export function hopText({
  via,
  dev,
}: {
  readonly via?: string | undefined;
  readonly dev?: string | undefined;
}): string {
  return [via, dev === undefined ? undefined : `dev ${dev}`]
    .filter((word) => word !== undefined)
    .join(" ");
}
