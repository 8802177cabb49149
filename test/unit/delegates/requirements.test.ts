import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkDelegate } from "../../../delegates/requirements";
import type { JsonObject } from "../../../lib/cni/json";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "requirements-"));
  for (const name of ["ptp", "bridge", "other", "host-local"])
    writeFileSync(join(dir, name), "#!/bin/sh\n");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const IPAM = { ipam: { type: "host-local" } };
const check = (delegate: JsonObject) => checkDelegate(delegate, [dir]);

test("returns the delegate's path", () => {
  expect(check({ type: "ptp", ...IPAM })).toBe(join(dir, "ptp"));
  expect(check({ type: "bridge", isGateway: true, ...IPAM })).toBe(join(dir, "bridge"));
  expect(
    check({ type: "bridge", isDefaultGateway: true, bridge: "cni0", mtu: 1400, ...IPAM }),
  ).toBe(join(dir, "bridge"));
  expect(check({ type: "other" })).toBe(join(dir, "other"));
});

test.each([
  [{ type: "ptp" }, /"ipam" is missing/],
  [{ type: "ptp", ipam: "x" }, /"ipam" must be an object/],
  [{ type: "ptp", ipam: {} }, /"ipam.type" is missing/],
  [{ type: "ptp", ...IPAM, mtu: 67 }, /"mtu" must be/],
  [{ type: "ptp", ...IPAM, mtu: "1500" }, /"mtu" must be/],
  [{ type: "ptp", ...IPAM, ipMasq: "no" }, /"ipMasq" must be true or false/],
  [{ type: "bridge", ...IPAM }, /"isGateway" or "isDefaultGateway" must be true/],
  [
    { type: "bridge", isGateway: true, bridge: "x".repeat(16), ...IPAM },
    /"bridge" must be an interface name/,
  ],
  [{ type: "bridge", isGateway: true, hairpinMode: 1, ...IPAM }, /"hairpinMode" must be/],
])("refuses %j with code 7", (delegate, message) => {
  expect(() => check(delegate)).toThrow(
    expect.objectContaining({ code: 7, message: expect.stringMatching(message) }),
  );
});

test("names every problem at once", () => {
  expect(() => check({ type: "bridge", bridge: "" })).toThrow(
    /"ipam" is missing.*"bridge" must be.*"isGateway"/,
  );
});

test("a missing delegate or IPAM executable is code 100, before anything runs", () => {
  expect(() => check({ type: "absent" })).toThrow(expect.objectContaining({ code: 100 }));
  expect(() => check({ type: "ptp", ipam: { type: "absent" } })).toThrow(
    expect.objectContaining({ code: 100, message: expect.stringContaining('"absent"') }),
  );
});
