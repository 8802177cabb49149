/** Pure: what `ip -j -d addr` says of a link beyond what routes need. */
import { canonicalAddress } from "../../net/address";
import { present } from "../../net/present";
import { fieldsOf, listOf, type Fields } from "../../text/fields";
import type { LinkFacts } from "../link-model";

/** The facts in one entry of the output. */
export function linkFacts(link: Fields): LinkFacts {
  const info = fieldsOf(link["linkinfo"]);
  const data = fieldsOf(info["info_data"]);
  const text = (...values: readonly unknown[]): string | undefined =>
    values.find((value) => typeof value === "string" && value !== "") as string | undefined;
  return present({
    kind: text(info["info_kind"]),
    alias: text(link["ifalias"]),
    mac: text(link["address"])?.toLowerCase(),
    // Of a veth it is the other end, and of a vxlan the details say it.
    parent: text(data["link"], link["link"]),
    master: text(link["master"]),
    id: typeof data["id"] === "number" ? data["id"] : undefined,
    mode: text(data["mode"]),
    local: addressOf(text(data["local"], data["local6"])),
    group: addressOf(text(data["group"], data["group6"])),
    remote: addressOf(text(data["remote"], data["remote6"])),
    port: typeof data["port"] === "number" ? data["port"] : undefined,
    running: isRunning(link["flags"]) ? (true as const) : undefined,
    prefixes: prefixesOf(link["addr_info"]),
  });
}

function prefixesOf(infos: unknown): readonly string[] {
  return listOf(infos)
    .map(fieldsOf)
    .flatMap(({ local, prefixlen }) =>
      typeof local === "string" ? [`${canonicalAddress(local)}/${String(prefixlen)}`] : [],
    );
}

/** `ip` prints NO-CARRIER for a link that is up and not running (IFF_RUNNING, netdevice(7)). */
function isRunning(flags: unknown): boolean {
  const all = listOf(flags);
  return all.includes("UP") && all.includes("LOWER_UP") && !all.includes("NO-CARRIER");
}

function addressOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : canonicalAddress(text);
}
