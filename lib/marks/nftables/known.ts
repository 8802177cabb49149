/**
 * What our tables are known to have besides elements, so that it need not be written again with each of them. It holds
 * only while somebody watches the tables and says when others may have changed them.
 */
import type { Chain, Layout } from "./layout";
import { isBaseIntact, isChainIntact, type Listing } from "./listing";

export interface Known {
  /** True when the table is known to have this chain; without one, its maps and its base chain. */
  has(layout: Layout, chain?: Chain): boolean;
  /** For what is found out from now on: it does not count if somebody has changed something in between. */
  begin(): Learn;
  /** Others may have changed something. */
  forget(): void;
  /** Whether somebody watches the tables. */
  watched(isWatched: boolean): void;
}

/** The table has its base chain, and these chains. */
export type Learn = (layout: Layout, chains: readonly Chain[]) => void;

/** Nothing is known yet, and nobody watches. */
export function createKnown(): Known {
  const names = new Set<string>();
  let isWatched = false;
  let changes = 0;
  const forget = (): void => {
    changes++;
    names.clear();
  };
  return {
    has: (layout, chain) => isWatched && names.has(nameOf(layout, chain)),
    begin: () => {
      const before = changes;
      return (layout, chains) => {
        if (changes !== before) return;
        for (const chain of [undefined, ...chains]) names.add(nameOf(layout, chain));
      };
    },
    forget,
    watched: (now) => {
      if (!now) forget();
      isWatched = now;
    },
  };
}

/** For a process whose tables nobody watches. */
export const NOTHING_KNOWN: Known = {
  has: () => false,
  begin: () => () => {},
  forget: () => {},
  watched: () => {},
};

/** What a listing shows to be as we wrote it. */
export function learnFrom(learn: Learn, layout: Layout, listing: Listing): void {
  if (!isBaseIntact(layout, listing)) return;
  const chains = [...listing.chains.keys()].flatMap((name) => layout.chain(name) ?? []);
  learn(
    layout,
    chains.filter((chain) => isChainIntact(chain, listing)),
  );
}

function nameOf({ table }: Layout, chain: Chain | undefined): string {
  return chain === undefined ? table : `${table} ${chain.name}`;
}
