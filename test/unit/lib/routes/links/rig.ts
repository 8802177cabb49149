/** Links on paper. */
import type { LinkSpec } from "../../../../../lib/net/link";
import { LINK_ALIAS, type LinkFacts } from "../../../../../lib/routes/link-model";
import { linkChanges } from "../../../../../lib/routes/links/changes";
import { type LinksInput, type LinksPlan, planLinks } from "../../../../../lib/routes/links/plan";
import type { Link } from "../../../../../lib/routes/model";
import { actionText } from "../../../../../lib/routes/text";

export function spec(name: string, change: Partial<LinkSpec> = {}): LinkSpec {
  return {
    name,
    type: "macvlan",
    parent: "eth0",
    mode: "bridge",
    remotes: [],
    addresses: [],
    ports: [],
    ...change,
  };
}

export const VXLAN: Partial<LinkSpec> = { type: "vxlan", id: 7, port: 4789 };

/** Without `parent` and `mode`, which not every type has. */
export function plain(name: string, change: Partial<LinkSpec>): LinkSpec {
  const { parent: _parent, mode: _mode, ...rest } = spec(name);
  return { ...rest, ...change };
}

/** A foreign link. */
export function link(
  name: string,
  change: Partial<Link> = {},
  facts: Partial<LinkFacts> = {},
): Link {
  return {
    name,
    altNames: [],
    mtu: 1500,
    up: true,
    addresses: [],
    facts: { prefixes: [], ...facts },
    ...change,
  };
}

/** A link of ours as `wanted` says. */
export function made(
  wanted: LinkSpec,
  change: Partial<Link> = {},
  facts: Partial<LinkFacts> = {},
): Link {
  const { name, type, mtu, remotes: _r, addresses, ports: _p, ...rest } = wanted;
  return link(
    name,
    { ...(mtu === undefined ? {} : { mtu }), ...change },
    { kind: type, alias: LINK_ALIAS, ...rest, prefixes: addresses, ...facts },
  );
}

export function planned(
  wanted: readonly LinkSpec[],
  links: readonly Link[],
  recorded: readonly LinkSpec[] = [],
): LinksPlan {
  return planLinks({ wanted, links, recorded });
}

interface Asked {
  readonly peers?: readonly string[];
  readonly sysctl?: (path: string) => string | undefined;
}

/** The commands of a plan, where every vxlan has these peers. */
export function commands(
  { wanted, links, recorded }: LinksInput,
  { peers = [], sysctl = () => undefined }: Asked = {},
): readonly string[] {
  const asked = links.map((each) =>
    each.facts?.kind === "vxlan" ? { ...each, facts: { ...each.facts, peers } } : each,
  );
  const plan = planLinks({ wanted, links: asked, recorded });
  return linkChanges(plan, { links: asked, recorded, sysctl }).map((change) =>
    actionText({ kind: "link", change }),
  );
}
