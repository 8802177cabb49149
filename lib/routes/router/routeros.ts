/** Pure: the upstream router as commands of RouterOS 7. */
import { FAMILIES, type Family } from "../../net/family";
import type { RouterModel, RouterUplink, Way } from "./model";
import { tabled } from "./nftables";

const OURS = "tenant-routing";

/**
 * Commands for `/import`, or to paste into a terminal; a second run replaces what the first has
 * made. Routing rules rather than routing marks: packets of FastTracked connections pass no mangle
 * rules.
 */
export function routerosConfig(model: RouterModel): string {
  const families = FAMILIES.filter((family) =>
    model.returns.some((each) => each.family === family),
  );
  return `${[
    `# Upstream router of network "${model.network}" for the pods of node ${model.node}: each address pool leaves by its tenant's uplink.`,
    '# Printed by "wrapper routes router-config --format routeros": change the conflist and print it again.',
    `# For RouterOS 7. Everything it makes has the comment "${mine(model)}", and is replaced when it runs again.`,
    "# Put its srcnat rules before other ones that translate packets on the same interfaces.",
    "",
    "# What an earlier run has made.",
    `/routing/rule/remove [find where ${comment(model)}]`,
    ...families.flatMap((family) => removals(model, family)),
    "",
    "# Tables.",
    ...tabled(model).map(
      ({ name }) =>
        `:if ([:len [/routing/table/find where name="${tableName(name)}"]] = 0) do={ /routing/table/add name="${tableName(name)}" fib comment="${OURS}" }`,
    ),
    "",
    "# The way back to the pods.",
    ...model.returns.map(
      ({ family, pool, via }) =>
        `${path(family)}/route/add dst-address=${pool} gateway=${via} check-gateway=ping ${comment(model)}`,
    ),
    "",
    "# The ways out.",
    ...model.uplinks.flatMap((uplink) => outLines(model, uplink)),
    "",
    "# LAN, then the main table's exact routes, then the tenant's table and nothing else.",
    ...tabled(model).flatMap((uplink) => ruleLines(model, uplink)),
    "",
    "# Translation on the uplinks, never towards the LAN.",
    ...model.lan.map(
      ({ family, network }) =>
        `${path(family)}/firewall/address-list/add list=${lanList(model)} address=${network} ${comment(model)}`,
    ),
    ...model.uplinks.flatMap((uplink) =>
      uplink.ways.flatMap((way) => natLines(model, uplink, way)),
    ),
    "",
    "# Forwarding.",
    ...families.map((family) =>
      family === 4 ? "/ip/settings/set ip-forward=yes" : "/ipv6/settings/set forward=yes",
    ),
  ].join("\n")}\n`;
}

function removals(model: RouterModel, family: Family): readonly string[] {
  return ["route", "firewall/nat", "firewall/address-list"].map(
    (menu) => `${path(family)}/${menu}/remove [find where ${comment(model)}]`,
  );
}

function outLines(model: RouterModel, { name, dev, table, ways }: RouterUplink): readonly string[] {
  return ways.map(({ family, hop }) => {
    if (hop === undefined)
      return `# IPv${family} of "${name}" has no next hop${table === undefined ? ": the main table decides" : " and is stopped"}.`;
    if (table === undefined && hop.via === undefined)
      return `# IPv${family} of "${name}" takes the router's own default route.`;
    const gateway =
      hop.via === undefined ? `gateway=${dev}` : `gateway=${hop.via}%${dev} check-gateway=ping`;
    const start = `${path(family)}/route/add dst-address=${family === 4 ? "0.0.0.0/0" : "::/0"} ${gateway}`;
    // A second default route of the same distance would share the load with one that the router has
    // already.
    if (table === undefined)
      return `# If the router has no default route yet: ${start} ${comment(model)}`;
    return `${start} routing-table="${tableName(name)}" ${comment(model)}`;
  });
}

function ruleLines(model: RouterModel, { name, ways }: RouterUplink): readonly string[] {
  const add = "/routing/rule/add";
  return ways.flatMap(({ family, pools }) =>
    pools.flatMap((pool) => [
      ...model.lan
        .filter((each) => each.family === family)
        .map(
          ({ network }) =>
            `${add} src-address=${pool} dst-address=${network} action=lookup table=main ${comment(model)}`,
        ),
      `${add} src-address=${pool} action=lookup min-prefix=0 table=main ${comment(model)}`,
      `${add} src-address=${pool} action=lookup-only-in-table table="${tableName(name)}" ${comment(model)}`,
    ]),
  );
}

function natLines(
  model: RouterModel,
  { dev }: RouterUplink,
  { family, pools, snat }: Way,
): readonly string[] {
  if (snat === "none") return [];
  const lan = model.lan.some((each) => each.family === family)
    ? ` dst-address-list=!${lanList(model)}`
    : "";
  const address = family === 4 ? `to-addresses=${snat}` : `to-address=${snat}/128`;
  const action = snat === "masquerade" ? "action=masquerade" : `action=src-nat ${address}`;
  return pools.map(
    (pool) =>
      `${path(family)}/firewall/nat/add chain=srcnat src-address=${pool}${lan} out-interface=${dev} ${action} ${comment(model)}`,
  );
}

/**
 * Of everything that the commands make, by which they find it again; another node's has another.
 */
function mine({ node }: RouterModel): string {
  return `${OURS} ${node}`;
}

function comment(model: RouterModel): string {
  return `comment="${mine(model)}"`;
}

function lanList({ node }: RouterModel): string {
  return `${OURS}-lan-${node.replaceAll(":", "-")}`;
}

/** No tenant's name can then be that of a table of the system, such as main. */
function tableName(tenant: string): string {
  return `tenant-${tenant}`;
}

function path(family: Family): string {
  return family === 4 ? "/ip" : "/ipv6";
}
