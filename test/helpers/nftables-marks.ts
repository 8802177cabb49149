/** The table of the nftables backend as nft prints it, told in the words of iptables. */

type Inside = (command: string) => string;

const TABLE = "inet tenant-routing-marks";
const BASE = ["ip saddr vmap @pods4", "ip6 saddr vmap @pods6"];

/**
 * For each address the rules of iptables-save that would do what the table does. What has no such rule (an owner
 * without an element, a chain of other rules) is a line of its own that names us.
 */
export function asRules(inside: Inside): readonly string[] {
  const table = inside(`nft list table ${TABLE} 2>/dev/null || :`);
  if (table === "") return [];
  const chains = new Map(
    [...table.matchAll(/^\tchain (\S+) \{\n([^}]*)^\t\}/gm)].map(([, name = "", body = ""]) => [
      name,
      body
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== ""),
    ]),
  );
  const pods = [
    ...table.matchAll(
      /([0-9a-f.:]+) comment "(tenant-routing [^"]*)" : (?:goto (\S+?)|\w+)(?=[,\s])/g,
    ),
  ].map(([, address = "", comment = "", chain = ""]) => ({ address, comment, chain }));
  const owners = [...table.matchAll(/([0-9a-f.:]+) : 0x[0-9a-f]+/g)].map(
    ([, address = ""]) => address,
  );
  const isInForce = BASE.every((rule) => chains.get("prerouting")?.includes(rule));
  return [
    ...pods
      .sort((one, other) => (one.address < other.address ? -1 : 1))
      .flatMap(({ address, comment, chain }) =>
        isInForce
          ? rulesOf(
              `-A PREROUTING -s ${address}/${address.includes(":") ? 128 : 32}`,
              comment,
              chains.get(chain),
            )
          : [`not in force: ${address} ${comment}`],
      ),
    ...owners
      .filter((address) => !pods.some((pod) => pod.address === address))
      .map((address) => `${TABLE}: an owner without an element: ${address}`),
  ];
}

/** Takes the table away, as whoever flushes the ruleset does. */
export function dropMarks(inside: Inside): void {
  inside(`nft delete table ${TABLE} 2>/dev/null || :`);
}

function rulesOf(
  source: string,
  comment: string,
  chain: readonly string[] = [],
): readonly string[] {
  const named = `-m comment --comment "${comment}"`;
  const replies = chain[0] === "ct direction reply return";
  const [set = "", ...more] = replies ? chain.slice(1) : chain;
  const mark = markOf(set);
  if (mark === undefined || more.length > 0) return [`${source} ${named} odd: ${chain.join("; ")}`];
  const [value, mask] = mark.map((each) => `0x${each.toString(16)}`);
  return [
    `${source} ${named} -j MARK --set-xmark ${value}/${mask}`,
    ...(replies
      ? [`${source} -m conntrack --ctdir REPLY ${named} -j MARK --set-xmark 0x0/${mask}`]
      : []),
  ];
}

/** Value and mask that a rule sets; undefined for any other rule. nft leaves out what changes nothing, and keeps bits that it sets. */
function markOf(rule: string): readonly [number, number] | undefined {
  const parts =
    /^meta mark set (?:(0x[0-9a-f]+)|meta mark(?: & (0x[0-9a-f]+))?(?: \| (0x[0-9a-f]+))?) counter name "\S+"$/.exec(
      rule,
    );
  if (parts === null) return undefined;
  const [, all, keep = "0xffffffff", value = "0"] = parts;
  if (all !== undefined) return [Number(all), 0xffffffff];
  return [Number(value), (~Number(keep) | Number(value)) >>> 0];
}
