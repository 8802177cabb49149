/** What the schema cannot say about the links of the node routes. */
import { contains, parseAddress, parseCidrAddress, parsePrefix } from "../../lib/net/address";
import { familyOf } from "../../lib/net/family";
import { dependencyOrder, type LinkSpec, type LinkType } from "../../lib/net/link";
import type { DraftLink } from "../draft";
import { specsOf } from "../links";
import type { Problem, Rule } from "../problem";
import { hintAt, wrong } from "./wrong";

type Key = Exclude<keyof DraftLink, "type" | "addresses" | "mtu" | "mac">;

/** Keys that not every type has. */
const KEYS: Readonly<Record<LinkType, { needs: readonly Key[]; may: readonly Key[] }>> = {
  macvlan: { needs: ["parent"], may: ["mode"] },
  vlan: { needs: ["parent", "id"], may: [] },
  bridge: { needs: [], may: ["ports"] },
  vxlan: { needs: ["id"], may: ["parent", "remotes", "group", "local", "port"] },
  dummy: { needs: [], may: [] },
};
const OTHERS: readonly Key[] = [
  "parent",
  "id",
  "mode",
  "remotes",
  "group",
  "local",
  "port",
  "ports",
];
const MAX_VLAN = 4094;
/** The kernel turns IPv6 off on a link with less (RFC 8200, 5). */
const MIN_MTU6 = 1280;
const MULTICAST = ["224.0.0.0/4", "ff00::/8"].flatMap((text) => parsePrefix(text) ?? []);

/** A link has what its type needs and nothing else, and no two get in each other's way. */
export const linkRule: Rule = ({ draft: { routes } }) => {
  const { links = {} } = routes;
  const specs = specsOf(links);
  return [
    ...Object.entries(links).flatMap(([name, link]) => [
      ...keyProblems(pathOf(name), link),
      ...(link.type === "vxlan" ? endProblems(pathOf(name), link) : []),
      ...addressProblems(pathOf(name), link),
    ]),
    ...specs.flatMap((spec, i) => twiceProblems(spec, specs.slice(0, i))),
    ...circleProblems(specs),
  ];
};

function pathOf(name: string): readonly string[] {
  return ["routes", "links", name];
}

function keyProblems(path: readonly string[], link: DraftLink): readonly Problem[] {
  const { needs, may } = KEYS[link.type];
  const missing = needs.filter((key) => link[key] === undefined);
  const stray = OTHERS.filter(
    (key) => link[key] !== undefined && !needs.includes(key) && !may.includes(key),
  );
  const isLarge = link.type === "vlan" && (link.id ?? 0) > MAX_VLAN;
  return [
    ...missing.map((key) => ({
      path: [...path, key],
      what: `is missing, which a ${link.type} needs`,
      hint: hintAt([...path, key]),
      missing: true as const,
    })),
    ...stray.map((key) => ({
      path: [...path, key],
      what: `is not for a ${link.type}`,
      hint: "remove it, or correct the type",
    })),
    ...(isLarge ? [wrong([...path, "id"], String(link.id), "is no VLAN ID")] : []),
  ];
}

function endProblems(path: readonly string[], link: DraftLink): readonly Problem[] {
  const { remotes, group, local, parent } = link;
  if ((remotes === undefined) === (group === undefined))
    return [
      {
        path,
        what:
          remotes === undefined
            ? `has neither "remotes" nor "group"`
            : `has both "remotes" and "group"`,
        hint: 'write the other ends as "remotes", or a multicast "group"',
      },
    ];
  if (group !== undefined && parent === undefined)
    return [
      {
        path: [...path, "parent"],
        what: 'is missing, which a "group" needs',
        hint: hintAt([...path, "parent"]),
        missing: true,
      },
    ];
  return hostProblems(path, [...(remotes ?? []), ...(local === undefined ? [] : [local])], group);
}

function hostProblems(
  path: readonly string[],
  hosts: readonly string[],
  group: string | undefined,
): readonly Problem[] {
  const stranger = hosts.find((text) => parseAddress(text) === undefined);
  if (stranger !== undefined) return [wrong(path, stranger, "is not the address of a host")];
  if (group !== undefined && !isMulticast(group))
    return [wrong([...path, "group"], group, "is no multicast group")];
  const families = new Set([...hosts, ...(group === undefined ? [] : [group])].map(familyOf));
  return families.size <= 1
    ? []
    : [
        {
          path,
          what: "has ends of both families",
          hint: "write addresses of one family, and a vxlan for each",
        },
      ];
}

function isMulticast(text: string): boolean {
  const address = parsePrefix(text);
  return address !== undefined && MULTICAST.some((network) => contains(network, address));
}

function addressProblems(
  path: readonly string[],
  { addresses = [], mtu }: DraftLink,
): readonly Problem[] {
  const at = [...path, "addresses"];
  const stranger = addresses.find((text) => parseCidrAddress(text) === undefined);
  if (stranger !== undefined) return [wrong(at, stranger, "is no address of a host")];
  if (mtu === undefined || mtu >= MIN_MTU6 || !addresses.some((text) => text.includes(":")))
    return [];
  return [
    {
      path: [...path, "mtu"],
      what: `is ${mtu}, with which the kernel has no IPv6`,
      hint: `write at least ${MIN_MTU6}, or remove the IPv6 addresses`,
    },
  ];
}

function twiceProblems(spec: LinkSpec, earlier: readonly LinkSpec[]): readonly Problem[] {
  const path = pathOf(spec.name);
  const sameId = earlier.find(
    (other) => placeOf(other) !== undefined && placeOf(other) === placeOf(spec),
  );
  const problems: Problem[] = [];
  if (sameId !== undefined)
    problems.push({
      path: [...path, "id"],
      what: `is ${String(spec.id)}, as of ${sameId.name}`,
      hint: "give every link an id of its own",
    });
  for (const other of earlier) {
    const [address] = spec.addresses.filter((each) => other.addresses.includes(each));
    const [port] = spec.ports.filter((each) => other.ports.includes(each));
    if (address !== undefined)
      problems.push({
        path: [...path, "addresses"],
        what: `has ${address}, as ${other.name} has`,
        hint: "write every address once",
      });
    if (port !== undefined)
      problems.push({
        path: [...path, "ports"],
        what: `has ${port}, as ${other.name} has`,
        hint: "an interface is a port of one bridge",
      });
  }
  return problems;
}

/** What the kernel allows once: a VLAN ID of a parent, a VXLAN identifier of a UDP port. */
function placeOf({ type, id, parent, port }: LinkSpec): string | undefined {
  if (type === "vlan") return `vlan ${parent ?? ""} ${id ?? ""}`;
  return type === "vxlan" ? `vxlan ${port ?? ""} ${id ?? ""}` : undefined;
}

function circleProblems(specs: readonly LinkSpec[]): readonly Problem[] {
  const { circle } = dependencyOrder(specs);
  if (circle.length === 0) return [];
  return [
    {
      path: ["routes", "links"],
      what: `has links that cannot be made, because each waits for another: ${circle.join(", ")}`,
      hint: "no parent and no port may lead back to the link itself",
    },
  ];
}
