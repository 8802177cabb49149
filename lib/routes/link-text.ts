/** Pure: changes of links as commands. */
import { familyOf } from "../net/family";
import type { LinkSpec } from "../net/link";
import { LINK_ALIAS, type LinkChange } from "./link-model";

/** The forwarding entry of a vxlan for what it knows no other end of (bridge(8), fdb append). */
export const ANY_MAC = "00:00:00:00:00:00";

/** A change as a program and its arguments. */
export function linkCommand(change: LinkChange): readonly [program: string, ...args: string[]] {
  const { name } = change;
  switch (change.op) {
    case "add":
      return ["ip", ...addition(change.spec)];
    case "del":
      return ["ip", "link", "del", "dev", name];
    case "address":
      return ["ip", "addr", change.verb, change.address, "dev", name];
    case "peer": {
      const verb = change.verb === "add" ? "append" : "del";
      return ["bridge", "fdb", verb, ANY_MAC, "dev", name, "dst", change.address];
    }
    default:
      return ["ip", "link", "set", "dev", name, ...settings(change)];
  }
}

function settings(
  change: Exclude<LinkChange, { readonly op: "add" | "del" | "address" | "peer" }>,
): readonly string[] {
  switch (change.op) {
    case "mark":
      return ["alias", LINK_ALIAS];
    case "up":
      return ["up"];
    case "mtu":
      return ["mtu", String(change.mtu)];
    case "mac":
      return ["address", change.mac];
    case "master":
      return change.bridge === undefined ? ["nomaster"] : ["master", change.bridge];
  }
}

function addition(spec: LinkSpec): readonly string[] {
  const { name, type, parent, mtu, mac } = spec;
  const [end] = [spec.local, spec.group, ...spec.remotes].filter((text) => text !== undefined);
  // A vxlan without an address of its own is of IPv4, unless `ip` is told otherwise.
  const isIpv6 = type === "vxlan" && end !== undefined && familyOf(end) === 6;
  return [
    ...(isIpv6 ? ["-6"] : []),
    ...["link", "add", "name", name],
    ...(type === "vxlan" ? [] : option("link", parent)),
    ...(type === "bridge" ? [] : option("mtu", mtu)),
    ...option("address", mac),
    ...["type", type],
    ...kindArguments(spec),
  ];
}

function kindArguments({
  type,
  id,
  mode,
  port,
  local,
  group,
  parent,
}: LinkSpec): readonly string[] {
  switch (type) {
    case "macvlan":
      return option("mode", mode);
    case "vlan":
      return option("id", id);
    case "vxlan":
      return [
        ...option("id", id),
        ...option("dstport", port),
        ...option("local", local),
        ...option("group", group),
        ...option("dev", parent),
      ];
    case "bridge":
    case "dummy":
      return [];
  }
}

function option(word: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [word, String(value)];
}
