import { allDestinations, destinationsIn } from "../../../../lib/selftest/destinations";
import { confWith, tenantWith } from "../../../helpers/conf-object";

const route = (...to: string[]) => ({ to, gateways: [], onGatewayLoss: "stop" }) as const;

test("somebody in each network that no longer prefix takes", () => {
  const tenant = tenantWith({
    table: 100,
    routes: [
      route("198.51.100.0/24", "2001:db8:5::/48"),
      route("198.51.100.0/25"),
      route("192.0.2.7"),
      route("203.0.113.0/24"),
      route("203.0.113.0/25", "203.0.113.128/25"),
    ],
  });
  expect(destinationsIn(tenant).map(({ way, address }) => [way.to, address])).toEqual([
    ["198.51.100.0/24, 2001:db8:5::/48", "198.51.100.254"],
    ["198.51.100.0/24, 2001:db8:5::/48", "2001:db8:5::1"],
    ["198.51.100.0/25", "198.51.100.1"],
    ["192.0.2.7", "192.0.2.7"],
    ["203.0.113.0/25, 203.0.113.128/25", "203.0.113.1"],
  ]);
  expect(allDestinations(confWith({ tenants: [tenant, tenant] }))).toHaveLength(5);
});
