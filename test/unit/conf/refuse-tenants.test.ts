/** Tenants, marks and gateways that are refused. */
import { expectRefusal, type Changes } from "./helpers";
import type { Json } from "../../../lib/cni/json";

const tenant = (settings: Json): Changes => ({ tenants: { a: settings } });
const marked = (settings: object): Changes => tenant({ fwmark: "16", ...settings });

describe("each of these is refused with code 7, its pointer and a hint", () => {
  test.each<[string, Changes, string, string]>([
    ["tenants as a list", { tenants: [] }, "/tenants is []", '{"tenant-a"'],
    ["no tenant", { tenants: {} }, "/tenants is {}", "at least one"],
    ["no mark", { marks: {} }, "/marks is {}", "at least one"],
    ["a tenant without a mark", tenant({}), "/tenants/a/fwmark is missing", "0x10/0xff"],
    [
      "a tenant that is a mark",
      tenant("0x10"),
      '/tenants/a is "0x10", not of type object',
      '{"fwmark"',
    ],
    [
      "a mark as number",
      tenant({ fwmark: 16 }),
      "/tenants/a/fwmark is 16, not of type string",
      "as text",
    ],
    [
      "a mark that is no number",
      tenant({ fwmark: "16; reboot" }),
      '/tenants/a/fwmark is "16; reboot"',
      "0x10/0xff",
    ],
    ["an octal mark", tenant({ fwmark: "010" }), '/tenants/a/fwmark is "010"', "0x10/0xff"],
    [
      "mark zero",
      tenant({ fwmark: "0/0xff" }),
      '/tenants/a/fwmark is "0/0xff": the value is 0',
      "other than 0",
    ],
    [
      "a mark outside its mask",
      tenant({ fwmark: "0x100/0xff" }),
      '"0x100/0xff": the value has bits outside',
      "inside its mask",
    ],
    [
      "a mark outside the common mask",
      { mask: "0xff", ...tenant({ fwmark: "0x100" }) },
      "bits outside its mask",
      "inside its mask",
    ],
    ["a mark of 33 bits", tenant({ fwmark: "4294967296" }), "not a number", "0x10/0xff"],
    ["another word for a pool rule", marked({ poolRule: true }), "/tenants/a/poolRule", '"auto"'],
    ["a pool of no network", marked({ pool: [] }), "/tenants/a/pool is []", "10.66.0.0/24"],
    [
      "a pool that is no network",
      marked({ pool: ["10.66.0.0/24", "10.66.0.0/33"] }),
      '/tenants/a/pool/1 is "10.66.0.0/33", which is no network',
      "write a network",
    ],
    [
      "a pool rule without a table",
      marked({ poolRule: "on" }),
      '/tenants/a/poolRule is "on" without a table',
      '"table"',
    ],
    [
      "a pool rule without a pool",
      marked({ poolRule: "on", table: 100 }),
      '/tenants/a/poolRule is "on", and the tenant has no address pool of its own',
      '"subnet": "10.66.0.0/24"',
    ],
    ["no namespace", marked({ namespaces: [] }), "/tenants/a/namespaces is []", "leave it out"],
    [
      "a bad namespace",
      marked({ namespaces: ["a_b"] }),
      '/tenants/a/namespaces/0 is "a_b"',
      "namespace name",
    ],
    ["table 0", marked({ table: 0 }), "/tenants/a/table is 0", "253, 254 and 255"],
    ["table main", marked({ table: 254 }), "/tenants/a/table is 254", "253, 254 and 255"],
    [
      "a table beyond 32 bits",
      marked({ table: 4294967296 }),
      "/tenants/a/table is 4294967296",
      "4294967295",
    ],
    ["a table by name", marked({ table: "vpn" }), '/tenants/a/table is "vpn"', "number"],
    [
      "gateways without a table",
      marked({ gateways: [{ dev: "eth1" }] }),
      '/tenants/a/table is missing, which "gateways" needs',
      "number",
    ],
    [
      "no gateway in the list",
      marked({ table: 9, gateways: [] }),
      "/tenants/a/gateways is []",
      "at least one",
    ],
    [
      "a gateway that is nowhere",
      marked({ table: 9, gateways: [{ weight: 1 }] }),
      '/tenants/a/gateways/0 has neither "via" nor "dev"',
      "10.10.10.131",
    ],
    [
      "a gateway with a prefix",
      marked({ table: 9, gateways: [{ via: "10.0.0.1/24" }] }),
      "/tenants/a/gateways/0/via",
      "without prefix",
    ],
    [
      "a gateway by name",
      marked({ table: 9, gateways: [{ via: "gw.example" }] }),
      "/tenants/a/gateways/0/via",
      "IPv4 or IPv6",
    ],
    [
      "a gateway that is no host",
      marked({ table: 9, gateways: [{ via: "256.0.0.1" }] }),
      "/tenants/a/gateways/0/via",
      "IPv4 or IPv6",
    ],
    [
      "a long interface name",
      marked({ table: 9, gateways: [{ dev: "abcdefghijklmnop" }] }),
      "/tenants/a/gateways/0/dev",
      "1 to 15",
    ],
    [
      "a weight of 0",
      marked({ table: 9, gateways: [{ dev: "eth1", weight: 0 }] }),
      "/tenants/a/gateways/0/weight is 0",
      "1 to 256",
    ],
    [
      "a patch that is text",
      marked({ delegate: "bridge" }),
      '/tenants/a/delegate is "bridge"',
      "keys of the delegate",
    ],
    [
      "a patch that removes the type",
      marked({ delegate: { type: null } }),
      "/tenants/a/delegate/type leaves the delegate with type absent",
      "ptp",
    ],
    [
      "a patch to a path",
      marked({ delegate: { type: "../sh" } }),
      '/tenants/a/delegate/type leaves the delegate with type "../sh"',
      "file name",
    ],
    [
      "a patch to ourselves",
      marked({ delegate: { type: "tenant-routing-wrapper" } }),
      "/tenants/a/delegate/type leaves",
      "another plugin",
    ],
    [
      "a patch of the name",
      marked({ delegate: { name: "net" } }),
      "/tenants/a/delegate/name would change the name",
      "remove it",
    ],
    [
      "a patch of nothing",
      { delegate: undefined, prevResult: {}, ...marked({ delegate: { mtu: 1 } }) },
      "/tenants/a/delegate has nothing to change",
      "remove it",
    ],
    [
      "a tenant called by a number",
      { tenants: { "16": { fwmark: "32" } } },
      "/tenants/16 is not a usable name",
      "not as a number",
    ],
    [
      "a tenant called by a hexadecimal",
      { marks: { "0x10": { mark: 32 } } },
      "/marks/0x10 is not a usable name",
      "not as a number",
    ],
    [
      "a tenant with a slash",
      { tenants: { "a/b": { fwmark: "32" } } },
      "/tenants/a~1b is not a usable name",
      "letters",
    ],
    [
      "a mark of 0 in the other spelling",
      { marks: { a: { mark: 0 } } },
      "/marks/a/mark is 0",
      "from 1",
    ],
    [
      "a hexadecimal in the other spelling",
      { marks: { a: { mark: "0x10" } } },
      '/marks/a/mark is "0x10"',
      "decimal",
    ],
    [
      "a mark outside its mask in the other spelling",
      { marks: { a: { mark: 17, mask: 16 } } },
      '/marks/a is {"mark":17,"mask":16}: the value has bits outside',
      '"mask": 16',
    ],
    [
      "no value in the other spelling",
      { marks: { a: { mask: 1 } } },
      "/marks/a/mark is missing",
      "decimal",
    ],
    [
      "a name in both spellings",
      { ...marked({}), marks: { a: { mark: 32 } } },
      '/marks/a is in "tenants" too',
      "once",
    ],
    [
      "the same mark twice",
      { tenants: { a: { fwmark: "0x10/0xff" }, b: { fwmark: "16/255" } } },
      '/tenants/b has mark 0x10/0xff, which cannot be told from 0x10/0xff of tenant "a"',
      "value of its own",
    ],
    [
      "a mark whose packets satisfy another's rule",
      { tenants: { a: { fwmark: "0x30/0xff" }, b: { fwmark: "0x10/0x10" } } },
      "/tenants/b has mark 0x10/0x10",
      "common mask",
    ],
    [
      "the same, written the other way round",
      { tenants: { a: { fwmark: "0x10/0x10" }, b: { fwmark: "0x30/0xff" } } },
      "/tenants/b has mark 0x30/0xff",
      "common mask",
    ],
    [
      "the same mark in both spellings",
      { ...tenant({ fwmark: "16/16" }), marks: { b: { mark: 16, mask: 16 } } },
      "/marks/b has mark 0x10/0x10",
      "value of its own",
    ],
  ])("%s", (_title, changes, problem, hint) => {
    expectRefusal(changes, problem, hint);
  });
});
