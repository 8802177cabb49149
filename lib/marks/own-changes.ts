/** What this process removes from the firewall, for somebody who watches for what others remove. */
export interface OwnChanges {
  /**
   * These are about to be removed, each as the head of the line that nft monitor prints about it. To be told
   * whether it happened.
   */
  expect(removals: readonly string[]): (happened: boolean) => void;
}

/** For a process in which nobody watches. */
export const UNWATCHED: OwnChanges = { expect: () => () => {} };
