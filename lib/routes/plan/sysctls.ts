/** Pure: the kernel settings that the planned routes need. */
import type { NodeState, Planned, RoutesPlan, WantedSysctl } from "../model";

type Parts = Pick<RoutesPlan, "gateways" | "routes" | "forward">;

/**
 * Forwarding for each family that is routed, and loose reverse-path filtering on the gateways'
 * devices.
 */
export function wantedSysctls(plan: Parts, state: NodeState): readonly Planned<WantedSysctl>[] {
  const routed = (family: 4 | 6): boolean =>
    plan.gateways.some((gateway) => gateway.family === family) ||
    plan.forward.some(({ item }) => item.family === family) ||
    plan.routes.some(({ item, tenant }) => tenant === undefined && item.family === family);
  const devices = new Map(
    plan.gateways
      .filter(({ family, dev }) => family === 4 && dev !== undefined)
      .map(({ dev, tenant }) => [dev ?? "", tenant]),
  );
  return [
    ...(routed(4) ? [forwarding("net/ipv4/ip_forward", "IPv4")] : []),
    ...(routed(6) ? [forwarding("net/ipv6/conf/all/forwarding", "IPv6")] : []),
    ...[...devices].flatMap(([dev, tenant]) => looseFilter(dev, tenant, state)),
  ];
}

function forwarding(path: string, family: string): Planned<WantedSysctl> {
  return {
    item: { path, value: "1", also: family === "IPv6" ? ["2"] : [] },
    tenant: undefined,
    why: `forwarding of ${family} packets`,
  };
}

/**
 * Replies come in by the tenant's device from addresses that the main table reaches by another one,
 * and strict filtering drops them. The kernel takes the larger of the device's value and that of
 * "all" (Documentation/networking/ip-sysctl.rst), so 2 on the device is enough whatever "all" is.
 */
function looseFilter(
  dev: string,
  tenant: string,
  state: NodeState,
): readonly Planned<WantedSysctl>[] {
  const path = `net/ipv4/conf/${dev}/rp_filter`;
  const own = state.sysctl(path);
  if (own === undefined) return [];
  const all = state.sysctl("net/ipv4/conf/all/rp_filter");
  // 0 is good enough unless "all" makes it strict.
  const also = all === "1" ? [] : ["0"];
  return [
    {
      item: { path, value: "2", also: all === "2" ? ["0", "1"] : also },
      tenant,
      why: `loose reverse-path filter on ${dev}`,
    },
  ];
}
