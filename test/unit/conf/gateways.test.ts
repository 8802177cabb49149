import { everyGateway, purposeText } from "../../../conf/gateways";
import { tenantWith } from "../../helpers/conf-object";

test("each gateway once, with what its packets are for", () => {
  const [one, two] = [{ via: "192.0.2.1" }, { via: "192.0.2.2", dev: "eth1" }];
  const routes = [
    { to: ["198.51.100.0/24"], gateways: [two], onGatewayLoss: "stop" },
    { to: ["203.0.113.0/24"], gateways: [one, two], onGatewayLoss: "stop" },
  ] as const;
  const all = everyGateway(tenantWith({ gateways: [one], routes }));
  expect(all).toEqual([
    { ...one, to: ["default", "203.0.113.0/24"] },
    { ...two, to: ["198.51.100.0/24", "203.0.113.0/24"] },
  ]);
  expect(all.map(({ to }) => purposeText(to))).toEqual([
    " to default, 203.0.113.0/24",
    " to 198.51.100.0/24, 203.0.113.0/24",
  ]);
  expect(purposeText(["default"])).toBe("");
});
