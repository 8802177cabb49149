/** Pure: marks that take bits of others': without a mask, or with those of a neighbour on the node. */
import type { PluginConf, Tenant } from "../../../conf/types";
import { isOwnPlugin } from "../../cni/conflist";
import { isObject, own, type JsonObject } from "../../cni/json";
import { FULL_MASK, formatMark, hex } from "../../net/mark";
import { proposeMarks } from "../../routes/conflicts/free-mask";
import { KNOWN_USERS, remedyFor, type KnownUser } from "../../routes/conflicts/known-users";
import { shellWord } from "../../text/shell";
import { findingOf, type Finding } from "../finding";
import { SETTINGS } from "../kinds/settings";
import { ownNetconf } from "./settings";
import type { ReadConflist } from "./read";

/** Which known user of the mark comes with a plugin of the list. */
const USER_OF: Readonly<Record<string, string>> = {
  portmap: "portmap",
  "cilium-cni": "Cilium",
  calico: "Calico",
  flannel: "flannel",
  antrea: "Antrea",
  "aws-cni": "AWS VPC CNI",
  "kube-ovn": "kube-ovn",
  "ovn-k8s-cni-overlay": "OVN-Kubernetes",
  "weave-net": "Weave",
};
/** There on every node of Kubernetes that does not say otherwise. */
const EVERYWHERE = "kube-proxy";
/** The mask that the examples have. */
const LOW_BYTE = 0xff;

/** Every tenant whose mark takes bits of others'. */
export function markFindings(conflist: ReadConflist, conf: PluginConf): readonly Finding[] {
  const netconf = ownNetconf(conflist);
  const tenants = conf.tenants ?? [];
  if (netconf === undefined || tenants.length === 0) return [];
  const users = neighbours(conflist);
  const entries = tenants.map((tenant) => entryOf(conflist, netconf, tenant));
  return entries.flatMap((entry) =>
    entry.unmasked
      ? [wholeFinding(conflist, entry, users, commonMask(entries))]
      : knownFindings(conflist, entry, users, tenants),
  );
}

interface Entry {
  readonly tenant: Tenant;
  readonly path: readonly string[];
  /** The literal, where the tenant has one. */
  readonly literal: string | undefined;
  /** Neither the mark nor the configuration says which bits are ours. */
  readonly unmasked: boolean;
}

function entryOf({ plugins, pathOf }: ReadConflist, netconf: JsonObject, tenant: Tenant): Entry {
  const { name, mark } = tenant;
  const written = objectAt(objectAt(netconf, "tenants"), name);
  const literal = own(written, "fwmark");
  const section = literal === undefined ? "marks" : "tenants";
  const path = [...pathOf(plugins.findIndex(isOwnPlugin)), section, name];
  const hasMask =
    typeof literal === "string"
      ? literal.includes("/") || own(netconf, "mask") !== undefined
      : Boolean(own(objectAt(objectAt(netconf, "marks"), name), "mask"));
  return {
    tenant,
    path: typeof literal === "string" ? [...path, "fwmark"] : path,
    literal: typeof literal === "string" ? literal : undefined,
    unmasked: mark.mask === FULL_MASK && !hasMask,
  };
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = own(object, key);
  return isObject(value) ? value : {};
}

function neighbours({ plugins }: ReadConflist): readonly KnownUser[] {
  const names = plugins.flatMap((plugin) => {
    const type = String(own(plugin, "type"));
    return Object.hasOwn(USER_OF, type) ? [USER_OF[type]] : [];
  });
  return KNOWN_USERS.filter(({ name }) => name === EVERYWHERE || names.includes(name));
}

/** One mask for all tenants: the masks that are written, and every value. */
function commonMask(entries: readonly Entry[]): number {
  const bits = entries.reduce((sum, { tenant: { mark }, unmasked }) => {
    return (sum | (unmasked ? mark.value : mark.mask)) >>> 0;
  }, 0);
  if (bits <= LOW_BYTE) return LOW_BYTE;
  const low = bits & -bits;
  const high = 2 ** (31 - Math.clz32(bits));
  return (high * 2 - low) >>> 0;
}

function wholeFinding(
  { file, lineOf }: ReadConflist,
  { tenant: { name, mark }, path, literal }: Entry,
  users: readonly KnownUser[],
  mask: number,
): Finding {
  const proposal = (where: string): string =>
    literal === undefined || where === "stdin"
      ? `Write the mask: ${formatMark({ value: mark.value, mask })} for tenant ${name}`
      : `sed -i ${shellWord(`s|"fwmark": *"${literal}"|"fwmark": "${literal}/${hex(mask)}"|`)} ${shellWord(where)}`;
  const facts = { file, line: lineOf(path), tenant: name, mark: formatMark(mark) };
  const others = users.map((user) => `${user.name} (${bitsOf(user, FULL_MASK)})`);
  return findingOf(SETTINGS, "whole-mark", { ...facts, others, proposal }, name);
}

function knownFindings(
  { file, lineOf }: ReadConflist,
  { tenant: { name, mark }, path }: Entry,
  users: readonly KnownUser[],
  tenants: readonly Tenant[],
): readonly Finding[] {
  const free = proposeMarks(tenants.length, users.flatMap(usesOf));
  const own = free?.marks[tenants.findIndex((each) => each.name === name)];
  return users.flatMap((user) => {
    const bits = bitsOf(user, mark.mask);
    if (bits === "") return [];
    const facts = {
      ...{ file, line: lineOf(path), tenant: name, mark: formatMark(mark), user: user.name, bits },
      free: own && formatMark(own),
      hint: remedyFor({ kind: "known", name: user.name, sign: "" }),
    };
    return [findingOf(SETTINGS, "known-bits", facts, name)];
  });
}

/** The bits below `mask` that a user reads or writes; those who take the whole mark are met by every mask. */
function bitsOf({ bits }: KnownUser, mask: number): string {
  const common = bits
    .filter((each) => each.mask !== FULL_MASK)
    .reduce((sum, each) => (sum | (each.mask & mask)) >>> 0, 0);
  return common === 0 ? "" : hex(common);
}

function usesOf({ name, bits }: KnownUser) {
  return bits.map(({ mask, value }) => ({
    by: { kind: "known", name, sign: "" } as const,
    ...{ mask, value, whole: mask === FULL_MASK },
  }));
}
