import {
  delegateNetconf,
  delegateType,
  distinctDelegates,
  effectiveDelegate,
} from "../../../delegates/netconf";
import { confWith, tenantWith } from "../../helpers/conf-object";

const DELEGATE = {
  type: "ptp",
  cniVersion: "0.1.0",
  name: "other",
  mtu: 1500,
  ipam: { type: "host-local", subnet: "10.0.0.0/24" },
};
const CONF = confWith({
  runtimeConfig: { portMappings: [] },
  args: { cni: { ips: ["10.0.0.9"] } },
  dns: { nameservers: ["10.0.0.2"] },
  gc: { "cni.dev/valid-attachments": [], "cni.dev/attachments": null },
});
const PREV = { cniVersion: "1.0.0", ips: [] };

test("effectiveDelegate applies the tenant's merge patch", () => {
  expect(effectiveDelegate(DELEGATE, undefined)).toBe(DELEGATE);
  expect(effectiveDelegate(DELEGATE, { mtu: null, ipam: { subnet: "10.1.0.0/24" } })).toEqual({
    type: "ptp",
    cniVersion: "0.1.0",
    name: "other",
    ipam: { type: "host-local", subnet: "10.1.0.0/24" },
  });
});

test("distinctDelegates: the conflist's own first, every tenant's that differs once", () => {
  const pool = { ipam: { subnet: "10.1.0.0/24" } };
  const tenants = [
    tenantWith(),
    tenantWith({ name: "b", delegate: pool }),
    tenantWith({ name: "c", delegate: pool }),
  ];
  expect(distinctDelegates({ delegate: DELEGATE, tenants })).toEqual([
    DELEGATE,
    effectiveDelegate(DELEGATE, pool),
  ]);
  expect(distinctDelegates({ delegate: DELEGATE, tenants: undefined })).toEqual([DELEGATE]);
  expect(distinctDelegates({ delegate: undefined, tenants })).toEqual([]);
});

test("name and cniVersion are always ours; runtimeConfig, args and dns go along", () => {
  const out = delegateNetconf(CONF, DELEGATE, "ADD", PREV);
  expect(out).toEqual({
    ...DELEGATE,
    name: "net",
    cniVersion: "1.0.0",
    runtimeConfig: CONF.runtimeConfig,
    args: CONF.args,
    dns: CONF.dns,
  });
});

test("the delegate's own dns wins", () => {
  expect(delegateNetconf(CONF, { ...DELEGATE, dns: {} }, "ADD", undefined)["dns"]).toEqual({});
});

test.each(["CHECK", "DEL"] as const)("%s carries prevResult verbatim from 0.4.0 on", (verb) => {
  expect(delegateNetconf(CONF, DELEGATE, verb, PREV)["prevResult"]).toBe(PREV);
  expect(
    delegateNetconf({ ...CONF, cniVersion: "0.3.1" }, DELEGATE, verb, PREV)["prevResult"],
  ).toBeUndefined();
  expect(Object.hasOwn(delegateNetconf(CONF, DELEGATE, verb, undefined), "prevResult")).toBe(false);
});

test("GC carries both attachment lists and nothing of a pod; STATUS carries neither", () => {
  expect(delegateNetconf(CONF, DELEGATE, "GC", undefined)).toEqual({
    ...DELEGATE,
    name: "net",
    cniVersion: "1.0.0",
    ...CONF.gc,
  });
  expect(delegateNetconf(CONF, DELEGATE, "STATUS", undefined)).toEqual({
    ...DELEGATE,
    name: "net",
    cniVersion: "1.0.0",
  });
});

test("delegateType", () => {
  expect(delegateType(DELEGATE)).toBe("ptp");
  expect(delegateType({})).toBe("");
});
