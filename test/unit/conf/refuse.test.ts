import type { Json } from "../../../lib/cni/json";
import { netconf, refusal, refusalText } from "./helpers";

type Changes = Readonly<Record<string, Json | undefined>>;
const tenant = (settings: Json): Changes => ({ tenants: { a: settings } });
const marked = (settings: object): Changes => tenant({ fwmark: "16", ...settings });

describe("each of these is refused with code 7, its pointer and a hint", () => {
  test.each<[string, Changes, string, string]>([
    ["no network name", { name: undefined }, "/name is missing", "in the conflist"],
    ["an empty network name", { name: "" }, "/name is missing", "in the conflist"],
    ["a bad network name", { name: "te%%st" }, '/name is "te%%st"', "letters, digits"],
    ["a number as name", { name: 7 }, "/name is 7", "name"],
    ["no kubeconfig", { kubeconfig: undefined }, "/kubeconfig is missing", "kubelet.conf"],
    [
      "annotations not from the runtime either",
      { kubeconfig: undefined, capabilities: { "io.kubernetes.cri.pod-annotations": false } },
      "/kubeconfig is missing",
      "pod-annotations",
    ],
    [
      "a relative kubeconfig",
      { kubeconfig: "kubelet.conf" },
      '/kubeconfig is "kubelet.conf"',
      "absolute path",
    ],
    ["an empty kubeconfig", { kubeconfig: "" }, '/kubeconfig is ""', "absolute path"],
    [
      "a climbing kubeconfig",
      { kubeconfig: "/etc/../root/x" },
      '/kubeconfig is "/etc/../root/x"',
      'without ".."',
    ],
    ["a kubeconfig that ends in ..", { kubeconfig: "/etc/.." }, "/kubeconfig", 'without ".."'],
    [
      "a kubeconfig with NUL",
      { kubeconfig: "/etc/\0x" },
      '/kubeconfig is "/etc/\\u0000x"',
      "absolute path",
    ],
    ["a relative dataDir", { dataDir: "run" }, '/dataDir is "run"', "absolute path"],
    ["the root as dataDir", { dataDir: "/" }, '/dataDir is "/"', "absolute path"],
    [
      "a climbing logFile",
      { logFile: "/var/log/../x" },
      '/logFile is "/var/log/../x"',
      "turn the log file off",
    ],
    ["no delegate type", { delegate: {} }, "/delegate/type is missing", "CNI_PATH"],
    [
      "a delegate that is a name",
      { delegate: "ptp" },
      '/delegate is "ptp", not of type object',
      '{"type": "ptp"',
    ],
    ["a delegate of null", { delegate: null }, "/delegate is null", "netconf"],
    [
      "another network name inside",
      { delegate: { type: "ptp", name: "other" } },
      '/delegate/name is "other", not the network\'s name',
      "remove it",
    ],
    [
      "itself as delegate",
      { delegate: { type: "tenant-routing-wrapper" } },
      "/delegate/type is this plugin itself",
      "ptp",
    ],
    [
      "itself as delegate under its usual name",
      { type: "wrapper", delegate: { type: "tenant-routing-wrapper" } },
      "/delegate/type is this plugin itself",
      "ptp",
    ],
    ["a number as onError", { onError: 1 }, "/onError is 1, not of type string", '"deny", "allow"'],
    ["an unknown onError", { onError: "ignore" }, '/onError is "ignore"', '"deny", "allow"'],
    [
      "an unknown flavour",
      { iptables: "nftables" },
      '/iptables is "nftables"',
      '"auto", "nft", "legacy"',
    ],
    ["an unknown level", { logLevel: "trace" }, '/logLevel is "trace"', '"warn"'],
    ["markReplies as text", { markReplies: "yes" }, '/markReplies is "yes"', "true or false"],
    [
      "no annotation key in the list",
      { annotationKey: [] },
      "/annotationKey is []",
      "at least one",
    ],
    ["an empty annotation key", { annotationKey: "" }, '/annotationKey is ""', "annotation key"],
    [
      "an annotation key twice",
      { annotationKey: ["a", "a"] },
      '/annotationKey is ["a","a"], which has an item twice',
      "once",
    ],
    [
      "a bad annotation key in a list",
      { annotationKey: ["a", "b c"] },
      '/annotationKey/1 is "b c"',
      "tenant.routing/fwmark",
    ],
    ["mask zero", { mask: "0" }, '/mask is "0"', "0xffffffff"],
    ["mask zero as a number", { mask: 0 }, "/mask is 0", "0xffffffff"],
    ["an octal mask", { mask: "0377" }, '/mask is "0377"', "0xff"],
    ["a mask of 33 bits", { mask: "4294967296" }, '/mask is "4294967296"', "0xff"],
    [
      "exemptNamespaces as text",
      { exemptNamespaces: "kube-system" },
      "/exemptNamespaces is",
      "list namespace names",
    ],
    [
      "a bad exempt namespace",
      { exemptNamespaces: ["Kube"] },
      '/exemptNamespaces/0 is "Kube"',
      "namespace name",
    ],
    ["a time without unit", { apiTimeout: "5" }, '/apiTimeout is "5"', "ms, s or m"],
    ["a time as number", { apiTimeout: 5 }, "/apiTimeout is 5", "ms, s or m"],
    [
      "a time too short",
      { delegateTimeout: "999ms" },
      '/delegateTimeout is "999ms", which is out of range',
      "from 1s to 10m",
    ],
    ["a time too long", { apiTimeout: "2m" }, "/apiTimeout is", "from 100ms to 1m"],
    [
      "a lock wait beyond the runtime's patience",
      { lockTimeout: "51s" },
      "/lockTimeout is",
      "from 100ms to 50s",
    ],
    [
      "a capability that is no boolean",
      { capabilities: { portMappings: "yes" } },
      '/capabilities/portMappings is "yes"',
      "true or false",
    ],
    ["a runtimeConfig that is no object", { runtimeConfig: [] }, "/runtimeConfig is []", "object"],
    [
      "a prevResult before us",
      { prevResult: { ips: [] } },
      "/prevResult comes from an earlier plugin although",
      "first in the list",
    ],
    [
      "neither delegate nor prevResult",
      { delegate: undefined },
      "/delegate is missing, and there is no prevResult",
      "main plugin",
    ],
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
    const error = refusal(netconf(changes));
    expect(error.code).toBe(7);
    expect(error.message).toContain(problem);
    expect(error.message).toContain(hint);
  });

  test.each([
    "",
    ".",
    "..",
    "a/b",
    "/bin/sh",
    "../../bin/sh",
    "x\0y",
    "x\ny",
    "\u007f",
    "x".repeat(256),
    7,
    null,
    ["ptp"],
  ])("the delegate type %j", (type) => {
    const error = refusal(netconf({ delegate: { type } }));
    expect(error.code).toBe(7);
    expect(error.message).toContain("/delegate/type is ");
    expect(error.message).toContain("file name of a plugin in CNI_PATH");
    expect(error.message).toMatch(/^[\x20-\x7e]+$/);
  });
});

describe("unknown keys", () => {
  test.each<[string, Changes, string]>([
    [
      "anotationKey",
      { anotationKey: "x" },
      '/anotationKey is an unknown key with value "x": did you mean "annotationKey"?',
    ],
    [
      "Kubeconfig",
      { Kubeconfig: "/k", kubeconfig: undefined },
      '/Kubeconfig is an unknown key with value "/k": did you mean "kubeconfig"?',
    ],
    [
      "delegat",
      { delegat: { type: "ptp" }, delegate: undefined },
      '/delegat is an unknown key with value {"type":"ptp"}: did you mean "delegate"?',
    ],
    [
      "ipam",
      { ipam: {} },
      '/ipam is an unknown key with value {}: it is a setting of the delegate, put it inside "delegate"',
    ],
    [
      "fwmrk",
      tenant({ fwmrk: "0x10" }),
      '/tenants/a/fwmrk is an unknown key with value "0x10": did you mean "fwmark"?',
    ],
    [
      "rateLimit",
      marked({ rateLimit: true }),
      "/tenants/a/rateLimit is an unknown key with value true: remove it; known here are fwmark, namespaces",
    ],
    [
      "zzz",
      { zzz: 1 },
      "/zzz is an unknown key with value 1: remove it; known here are delegate, kubeconfig",
    ],
  ])("%s alone is code 2 with key, value and remedy", (_key, changes, text) => {
    const error = refusal(netconf(changes));
    expect(error.code).toBe(2);
    expect(error.message).toBe(
      `configuration of network "net": ${text}${error.message.split(text)[1] ?? ""}`,
    );
    expect(error.message).not.toContain("is missing");
  });

  test("together with another problem is code 7", () => {
    expect(refusal(netconf({ zzz: 1, onError: "no" })).code).toBe(7);
  });

  test("of a credential does not show it", () => {
    const text = refusalText(
      netconf({ token: "s3cret", x: { password: "s3cret" }, y: "Bearer s3cret" }),
    );
    expect(text).toContain("/token is an unknown key with value (hidden)");
    expect(text).not.toContain("s3cret");
  });
});

describe("many problems", () => {
  test("few of them stand in the message together", () => {
    const { message, details } = refusal(netconf({ onError: "x", iptables: "y", kubeconfig: "z" }));
    expect(message).toMatch(/\/kubeconfig .*\/onError .*\/iptables /);
    expect(details).toBe("");
  });

  test("more of them are all listed in the details, and the first in the message", () => {
    const tenants = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`t${i}`, { fwmark: "0" }]),
    );
    const { message, details } = refusal(netconf({ tenants }));
    expect(message).toContain("/tenants/t0/fwmark");
    expect(message).toContain("the first of 12 problems");
    expect(details).toMatch(/^1\) \/tenants\/t0\/.*; 12\) \/tenants\/t11\//);
  });

  test("a flood is counted, not listed", () => {
    const flood = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`unknown-key-${i}`, "x".repeat(100)]),
    );
    const error = refusal(netconf(flood));
    expect(error.code).toBe(2);
    expect(error.details).toMatch(/and 4980 more$/);
    expect(error.message.length + error.details.length).toBeLessThan(10_000);
  });

  test("schema and rules report together", () => {
    const text = refusalText(
      netconf({
        onError: "x",
        apiTimeout: "1ms",
        marks: { a: { mark: 17, mask: 16 }, b: { mark: "q" } },
      }),
    );
    for (const pointer of ["/onError", "/apiTimeout", "/marks/a", "/marks/b/mark"])
      expect(text).toContain(`${pointer} is `);
  });
});

test("hostile keys and values are printable in the message", () => {
  const text = refusalText(
    netconf({ "a\n\u001b[2J\u202e/~": "b\r\n\u0000\u2028", ["k".repeat(5000)]: 1, name: "\n%s" }),
  );
  expect(text).toMatch(/^[\x20-\x7e]+$/);
  expect(text.length).toBeLessThan(1500);
});

test("STATUS is as strict as ADD about everything but prevResult", () => {
  expect(refusal(netconf({ kubeconfig: "x" }), "STATUS").code).toBe(7);
  expect(refusal(netconf({ kubeconfig: undefined }), "STATUS").message).toContain(
    "/kubeconfig is missing",
  );
  expect(refusal(netconf({ zzz: 1 }), "STATUS").code).toBe(2);
});
