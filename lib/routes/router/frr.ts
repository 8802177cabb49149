/** Pure: the upstream router as configuration of FRR (frr.conf; staticd and pbrd). */
import type { Family } from "../../net/family";
import type { RouterModel, RouterUplink, Way } from "./model";
import { natLines, ruleLines, tabled } from "./nftables";

const MAP = "TENANT-ROUTING";
/** Administrative distance behind every other route that is still installed (255 is not). */
const LAST_DISTANCE = 254;
/** Sequence numbers of pbrd: 1 to 700. */
const SEQUENCE_STEP = 5;

/** Configuration text for `vtysh -f`, with what FRR does not do as comments at its end. */
export function frrConfig(model: RouterModel): string {
  const families = new Set(model.returns.map(({ family }) => family));
  return `${[
    `! Upstream router of network "${model.network}" for the pods of node ${model.node}: each address pool leaves by its tenant's uplink.`,
    '! Printed by "wrapper routes router-config --format frr": change the conflist and print it again.',
    "! Needs staticd and pbrd (pbrd=yes in /etc/frr/daemons). With several nodes, number the entries of their pbr-maps on.",
    "!",
    ...(families.has(4) ? ["ip forwarding"] : []),
    ...(families.has(6) ? ["ipv6 forwarding"] : []),
    "!",
    "! The way back to the pods.",
    ...model.returns.map(({ family, pool, via }) => `${command(family)} ${pool} ${via}`),
    "!",
    "! The ways out: a table for each uplink, which stops what has no other way.",
    ...model.uplinks.flatMap(outLines),
    "!",
    ...policy(model),
    ...companion(model),
  ].join("\n")}\n`;
}

function outLines(uplink: RouterUplink): readonly string[] {
  return uplink.ways.flatMap(({ family, hop }) => {
    const start = `${command(family)} ${everything(family)}`;
    const out =
      hop === undefined
        ? []
        : [`${start} ${[hop.via, uplink.dev].filter((word) => word !== undefined).join(" ")}`];
    if (uplink.table !== undefined)
      return [...out, `${start} reject ${LAST_DISTANCE}`].map(
        (line) => `${line} table ${uplink.table}`,
      );
    // A second default route would share the load with one that the router has already.
    return hop?.via === undefined
      ? [`! IPv${family} of "${uplink.name}" takes the router's own default route.`]
      : out.map((line) => `! If the router has no default route yet: ${line}`);
  });
}

function policy(model: RouterModel): readonly string[] {
  const entries = tabled(model).flatMap((uplink) =>
    uplink.ways.flatMap((way) =>
      way.pools.flatMap((pool) => poolEntries(model, uplink, way, pool)),
    ),
  );
  if (entries.length === 0) return [];
  return [
    "! LAN and pods first, as the main table has them; then the tenant's uplink.",
    ...entries.flatMap((lines, i) => [
      `pbr-map ${MAP} seq ${(i + 1) * SEQUENCE_STEP}`,
      ...lines.map((line) => ` ${line}`),
      "exit",
      "!",
    ]),
    "! Switch it on where packets of the nodes come in:",
    "! interface eth0",
    `!  pbr-policy ${MAP}`,
    "! exit",
    "!",
  ];
}

function poolEntries(
  model: RouterModel,
  { dev }: RouterUplink,
  { family, hop }: Way,
  pool: string,
): readonly (readonly string[])[] {
  const known = [
    ...model.lan.map((each) => ({ ...each, to: each.network })),
    ...model.returns.map((each) => ({ ...each, to: each.pool })),
  ];
  const inside = known
    .filter((each) => each.family === family)
    .map(({ to }) => [`match src-ip ${pool}`, `match dst-ip ${to}`, "set vrf unchanged"]);
  if (hop === undefined) return inside;
  return [
    ...inside,
    [`match src-ip ${pool}`, `set nexthop ${hop.via === undefined ? dev : `${hop.via} ${dev}`}`],
  ];
}

/**
 * pbrd takes a rule away with its next hop, which would let packets out by the main table's default
 * route.
 */
function companion(model: RouterModel): readonly string[] {
  const rules = ruleLines(model, (family) => `ip -${family} rule add`).map(
    (line) => `${line} protocol kernel`,
  );
  return [
    "! FRR does not translate addresses, and takes a pbr rule away while its next hop is gone.",
    "! These commands of the shell are the translation, and the rules that lead to the tables above then;",
    '! "wrapper routes router-config --format nftables" prints them as a script that can run again.',
    ...rules.map((line) => `!   ${line}`),
    "!   nft -f - <<'EOF'",
    ...natLines(model).map((line) => `!   ${line}`),
    "!   EOF",
  ];
}

function command(family: Family): string {
  return family === 4 ? "ip route" : "ipv6 route";
}

function everything(family: Family): string {
  return family === 4 ? "0.0.0.0/0" : "::/0";
}
