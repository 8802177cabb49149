/** Values of the plugin's own keys that are refused. */
import { expectRefusal, netconf, refusal, type Changes } from "./helpers";

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
      "an unknown variant",
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
  ])("%s", (_title, changes, problem, hint) => {
    expectRefusal(changes, problem, hint);
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

test("STATUS is as strict as ADD about everything but prevResult", () => {
  expect(refusal(netconf({ kubeconfig: "x" }), "STATUS").code).toBe(7);
  expect(refusal(netconf({ kubeconfig: undefined }), "STATUS").message).toContain(
    "/kubeconfig is missing",
  );
  expect(refusal(netconf({ zzz: 1 }), "STATUS").code).toBe(2);
});
