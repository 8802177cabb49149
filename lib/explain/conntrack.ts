/** Pure: the connections of one pod to one destination, from /proc/net/nf_conntrack. */
import { canonicalAddress } from "../net/address";

/** One connection, as the node tracks it. It is listed once its first packet has passed every hook. */
export interface Connection {
  /** Tells it from the others of the same two ends. */
  readonly key: string;
  /** Where answers go before they are turned back: the source as it is translated. */
  readonly answersTo: string;
  readonly answered: boolean;
}

const PAIR = /(\w+)=(\S+)/g;

/** Connections from `from` to `to`. */
export function connectionsIn(text: string, from: string, to: string): readonly Connection[] {
  return text.split("\n").flatMap((line) => {
    const pairs = [...line.matchAll(PAIR)].map(([, name = "", value = ""]) => ({ name, value }));
    const [source, reply] = pairs.filter(({ name }) => name === "src").map(addressOf);
    const [target, answersTo] = pairs.filter(({ name }) => name === "dst").map(addressOf);
    if (source !== from || target !== to || reply === undefined) return [];
    const key = pairs
      .filter(({ name }) => ["sport", "dport", "id"].includes(name))
      .map(({ name, value }) => `${name}=${value}`);
    return [
      {
        key: [line.split(/\s+/)[2] ?? "", ...key].join(" "),
        answersTo: answersTo ?? "?",
        answered: !line.includes("[UNREPLIED]"),
      },
    ];
  });
}

// IPv6 is printed with all its zeros.
function addressOf({ value }: { readonly value: string }): string {
  return canonicalAddress(value);
}
