/** Pure: the upstream router as a shell script for Linux: ip rule, ip route and nft. */
import { WORST_METRIC } from "../model";
import type { RouterModel, RouterUplink, Way } from "./model";

/** LAN first, then the main table without its default routes, then the tenants' tables. */
const PRIORITY = { lan: 30000, exact: 30001, tenant: 30002 } as const;

const HEAD = `set -u
LC_ALL=C
export LC_ALL
failed=0
action=\${1:-apply}
case $action in
apply | remove) ;;
*) echo "usage: sh FILE [apply | remove]" >&2 && exit 2 ;;
esac

# One rule, exactly once. Without it packets would take the wrong way, so nothing goes on then.
rule() {
  family=$1 && shift
  if [ "$action" = remove ]; then
    ip "$family" rule del "$@" protocol kernel 2>/dev/null
  elif ! message=$(ip "$family" rule add "$@" protocol kernel 2>&1); then
    case $message in
    *"File exists"*) ;;
    *) echo "ip $family rule add $*: $message" >&2 && exit 1 ;;
    esac
  fi
}

# One route of ours.
route() {
  family=$1 && shift
  if [ "$action" = remove ]; then
    ip "$family" route del "$@" proto kernel 2>/dev/null
  elif ! ip "$family" route replace "$@" proto kernel; then
    echo "ip $family route replace $*: failed" >&2 && failed=1
  fi
}

# One route of a tenant's table. It stays as long as rules for other nodes' pools lead there.
table_route() {
  [ "$action" = remove ] && [ -n "$(ip "$1" rule show priority ${PRIORITY.tenant} table "$2")" ] && return
  table=$2
  family=$1 && shift 2
  route "$family" "$@" table "$table"
}`;

const MAIN_DEFAULT = `# The default route of the main table, unless the router has one of its own.
main_default() {
  family=$1 && shift
  if [ "$action" = apply ] && ! message=$(ip "$family" route add default "$@" proto kernel 2>&1); then
    case $message in
    *"File exists"*) ;;
    *) echo "ip $family route add default $*: $message" >&2 && failed=1 ;;
    esac
  fi
}`;

/** A script for `sh`. It can run any number of times with the same outcome; `remove` undoes it. */
export function nftablesConfig(model: RouterModel): string {
  return `${[
    `#!/bin/sh
${title(model)}
# Printed by "wrapper routes router-config --format nftables": change the conflist and print it again.
# Run it as root on the router at every boot, and as often as you like; "sh FILE remove" takes everything
# away but forwarding and the main table's default route. Do that with the old file before you run one with
# other pools, uplinks or networks.`,
    HEAD,
    model.uplinks.some(isMainDefault) ? MAIN_DEFAULT : "",
    closeTables(model),
    section("LAN, then the main table's exact routes, then the tenant's table.", ruleLines(model)),
    `# Translation on the uplinks, never towards the LAN.
if [ "$action" = remove ]; then
  nft delete table inet ${tableName(model)} 2>/dev/null
else
  nft -f - <<'EOF' || exit 1
${natLines(model).join("\n")}
EOF
fi`,
    section(
      "The way back to the pods.",
      model.returns.map(({ family, pool, via }) => `route -${family} ${pool} via ${via}`),
    ),
    section("The ways out.", model.uplinks.flatMap(outLines)),
    tabled(model).length === 0 ? "" : '[ "$action" = apply ] || close_tables',
    forwarding(model),
    "exit $failed",
  ]
    .filter((part) => part !== "")
    .join("\n\n")}\n`;
}

/** The rules, each behind what `command` returns for its family. */
export function ruleLines(
  model: RouterModel,
  command: (family: number) => string = (family) => `rule -${family}`,
): readonly string[] {
  return tabled(model).flatMap(({ table, ways }) =>
    ways.flatMap(({ family, pools }) =>
      pools.flatMap((pool) => [
        ...model.lan
          .filter((each) => each.family === family)
          .map(
            ({ network }) =>
              `${command(family)} priority ${PRIORITY.lan} from ${pool} to ${network} lookup main`,
          ),
        `${command(family)} priority ${PRIORITY.exact} from ${pool} lookup main suppress_prefixlength 0`,
        `${command(family)} priority ${PRIORITY.tenant} from ${pool} lookup ${table}`,
      ]),
    ),
  );
}

/** The nftables table for `nft -f`; it replaces an earlier one in one transaction. */
export function natLines(model: RouterModel): readonly string[] {
  const lan = model.lan.map(({ family, network }) => `${protocol(family)} daddr ${network} return`);
  const rules = model.uplinks.flatMap((uplink) =>
    uplink.ways.flatMap((way) => translations(uplink, way)),
  );
  return [
    `table inet ${tableName(model)}`,
    `delete table inet ${tableName(model)}`,
    `table inet ${tableName(model)} {`,
    "  chain postrouting {",
    "    type nat hook postrouting priority srcnat; policy accept;",
    ...[...lan, ...rules].map((line) => `    ${line}`),
    "  }",
    "}",
  ];
}

/** The uplinks that have a table of their own. */
export function tabled(model: RouterModel): readonly (RouterUplink & { readonly table: number })[] {
  return model.uplinks.flatMap((uplink) =>
    uplink.table === undefined ? [] : [{ ...uplink, table: uplink.table }],
  );
}

function translations(
  { name, dev }: RouterUplink,
  { family, pools, snat }: Way,
): readonly string[] {
  if (snat === "none") return [];
  const target = snat === "masquerade" ? snat : `snat ${protocol(family)} to ${snat}`;
  return pools.map(
    (pool) => `${protocol(family)} saddr ${pool} oifname "${dev}" ${target} comment "${name}"`,
  );
}

/** Each node has its own, so that the script of another node does not remove it. */
function tableName({ node }: RouterModel): string {
  return `tenant-routing-router-${node.replaceAll(":", "-")}`;
}

function title({ network, node }: RouterModel): string {
  return `# Upstream router of network "${network}" for the pods of node ${node}: each address pool leaves by its tenant's uplink.`;
}

function isMainDefault({ table, ways }: RouterUplink): boolean {
  return table === undefined && ways.some(({ hop }) => hop?.via !== undefined);
}

/** The stops in the tables: added before the rules, removed after them. */
function closeTables(model: RouterModel): string {
  const lines = tabled(model).flatMap(({ table, ways }) =>
    ways.map(
      ({ family }) =>
        `  table_route -${family} ${table} unreachable default metric ${WORST_METRIC}`,
    ),
  );
  if (lines.length === 0) return "";
  return [
    "# The tenants' tables stop what has no other way.",
    "close_tables() {",
    ...lines,
    "}",
    '[ "$action" = remove ] || close_tables',
  ].join("\n");
}

function outLines({ name, dev, table, ways }: RouterUplink): readonly string[] {
  return ways.map(({ family, hop }) => {
    if (hop === undefined)
      return `# IPv${family} of "${name}" has no next hop${table === undefined ? ": the main table decides" : " and is stopped"}.`;
    const way = hop.via === undefined ? `dev ${dev}` : `via ${hop.via} dev ${dev}`;
    if (table !== undefined) return `table_route -${family} ${table} default ${way}`;
    return hop.via === undefined
      ? `# IPv${family} of "${name}" takes the router's own default route.`
      : `main_default -${family} ${way}`;
  });
}

function forwarding(model: RouterModel): string {
  const families = new Set(model.returns.map(({ family }) => family));
  const lines = [
    ...(families.has(4) ? ["echo 1 >/proc/sys/net/ipv4/ip_forward"] : []),
    ...(families.has(6)
      ? [
          "# An interface with a default route from router advertisements also needs accept_ra=2.",
          "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
        ]
      : []),
  ];
  return `# Forwarding, once everything else is in place.\nif [ "$action" = apply ]; then\n${lines.map((line) => `  ${line}`).join("\n")}\nfi`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : [`# ${title}`, ...lines].join("\n");
}

function protocol(family: number): string {
  return family === 4 ? "ip" : "ip6";
}
