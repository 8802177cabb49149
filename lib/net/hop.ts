/** A gateway as `ip` and the conflist name it: `10.0.0.1 dev eth1`. */
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

/** Where a packet leaves, in a sentence: `10.0.0.1 on eth1`, or the device alone. */
export function leavingText(via: string | undefined, dev: string): string {
  return via === undefined ? dev : `${via} on ${dev}`;
}
