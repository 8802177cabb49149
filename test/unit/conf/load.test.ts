import { createLoader, loadConf } from "../../../conf/load";
import { parseJson, type Json, type JsonObject } from "../../../lib/cni/json";
import { netconf, refusal } from "./helpers";

const add = (changes: Readonly<Record<string, Json | undefined>> = {}) =>
  loadConf(netconf(changes), "ADD").conf;

describe("defaults", () => {
  test("of everything that may be left out", () => {
    expect(add()).toEqual({
      name: "net",
      cniVersion: "1.0.0",
      type: "tenant-routing-wrapper",
      agent: {
        socket: "/run/tenant-routing/agent.sock",
        requests: 32,
        queueTimeoutMs: 30_000,
        reconcileIntervalMs: 10_000,
        namespaceIntervalMs: 10_000,
        lookIntervalMs: 120_000,
        metricsAddress: "127.0.0.1",
        metricsPort: undefined,
      },
      onAnnotationChange: "apply",
      delegate: { type: "ptp", ipam: { type: "host-local", subnet: "10.200.0.0/18" } },
      kubeconfig: "/etc/kubernetes/kubelet.conf",
      annotationKeys: ["tenant.routing/fwmark"],
      tenants: undefined,
      defaultMask: 0xffffffff,
      onError: "deny",
      exemptNamespaces: [],
      markReplies: false,
      backend: "auto",
      guard: true,
      iptables: "auto",
      dataDir: "/run/tenant-routing",
      logFile: "/var/log/tenant-routing/wrapper.log",
      logLevel: "info",
      apiTimeoutMs: 5000,
      delegateTimeoutMs: 60_000,
      lockTimeoutMs: 20_000,
      runtimeConfig: undefined,
      args: undefined,
      dns: undefined,
      prevResult: undefined,
      gc: {},
      routes: {
        tenantPriority: 32765,
        localPriority: 32764,
        excludePriority: 32763,
        excludeDestinations: ["169.254.169.254/32", "fd00:ec2::254/128"],
        podNetworks: [],
        nodeRoutes: [],
        links: [],
        masquerade: false,
        acceptForward: false,
        namesDir: "/etc/iproute2/rt_tables.d",
        watch: {
          intervalMs: 2000,
          timeoutMs: 1000,
          failAfter: 3,
          holdDownMs: 10_000,
          statusFile: "/run/tenant-routing-status.json",
        },
      },
      router: undefined,
    });
  });

  test("a missing or empty cniVersion is 0.1.0", () => {
    expect(add({ cniVersion: undefined }).cniVersion).toBe("0.1.0");
    expect(add({ cniVersion: "" }).cniVersion).toBe("0.1.0");
  });

  test("with marks, the fwmark plugin's annotation comes second; a configured key stays alone", () => {
    const marks = { vpn: { mark: 16, mask: 16 } };
    expect(add({ marks }).annotationKeys).toEqual(["tenant.routing/fwmark", "cni.fwmark.net/name"]);
    expect(add({ marks, annotationKey: "a.b/c" }).annotationKeys).toEqual(["a.b/c"]);
  });
});

describe("values", () => {
  test("are taken as configured", () => {
    const conf = add({
      annotationKey: ["x.io/a", "b"],
      mask: "0xff",
      onError: "allow",
      exemptNamespaces: ["kube-*"],
      markReplies: true,
      iptables: "legacy",
      dataDir: "/data",
      logFile: "",
      logLevel: "debug",
      apiTimeout: "500ms",
      delegateTimeout: "2m",
      lockTimeout: "50s",
      args: { cni: { ips: [] } },
      dns: { nameservers: ["10.0.0.10"] },
      runtimeConfig: { mac: "x" },
    });
    expect(conf).toMatchObject({
      annotationKeys: ["x.io/a", "b"],
      defaultMask: 255,
      onError: "allow",
      exemptNamespaces: ["kube-*"],
      markReplies: true,
      iptables: "legacy",
      dataDir: "/data",
      logFile: undefined,
      logLevel: "debug",
      apiTimeoutMs: 500,
      delegateTimeoutMs: 120_000,
      lockTimeoutMs: 50_000,
      args: { cni: { ips: [] } },
      dns: { nameservers: ["10.0.0.10"] },
      runtimeConfig: { mac: "x" },
    });
  });

  test.each([
    ["0x10/0xff", 255],
    ["0x10", 0x30],
    ["16", 0x30],
  ])("a tenant's literal %s has mask %d", (fwmark, mask) => {
    expect(add({ mask: 0x30, tenants: { a: { fwmark } } }).tenants?.[0]?.mark).toEqual({
      value: 16,
      mask,
    });
  });

  test.each([
    [{ mark: 16 }, 0xffffffff],
    [{ mark: 16, mask: 0 }, 0xffffffff],
    [{ mark: 16, mask: 48 }, 48],
  ])("the mark %j has mask %d whatever the default mask", (mark, mask) => {
    expect(add({ mask: "0x30", marks: { a: mark } }).tenants?.[0]?.mark).toEqual({
      value: 16,
      mask,
    });
  });

  test("tenants and marks are one catalogue", () => {
    const tenants = {
      a: {
        fwmark: "0x10/0xff",
        namespaces: ["n-*"],
        table: 7,
        gateways: [{ dev: "eth1", weight: 2 }],
        delegate: { mtu: 1400 },
      },
    };
    expect(add({ tenants, marks: { b: { mark: 32, mask: 255 } } }).tenants).toEqual([
      {
        name: "a",
        mark: { value: 16, mask: 255 },
        namespaces: ["n-*"],
        routes: [],
        table: 7,
        gateways: [{ dev: "eth1", weight: 2 }],
        delegate: { mtu: 1400 },
        onGatewayLoss: "stop",
        poolRule: "auto",
        pool: undefined,
      },
      {
        name: "b",
        mark: { value: 32, mask: 255 },
        namespaces: undefined,
        routes: [],
        table: undefined,
        gateways: [],
        delegate: undefined,
        onGatewayLoss: "stop",
        poolRule: "auto",
        pool: undefined,
      },
    ]);
  });

  test("one-bit marks as the fwmark plugin has them may stand side by side", () => {
    expect(
      add({ marks: { a: { mark: 16, mask: 16 }, b: { mark: 32, mask: 32 } } }).tenants,
    ).toHaveLength(2);
  });
});

describe("CNI's own keys", () => {
  test("are tolerated", () => {
    const reserved = {
      capabilities: { portMappings: true },
      runtimeConfig: null,
      args: null,
      dns: {},
      ipMasq: true,
      disableCheck: false,
      disableGC: false,
      prevResult: null,
      "cni.dev/x": 1,
      "cni.dev/y/z": { a: [] },
    };
    expect(loadConf(netconf(reserved), "ADD").conf).toMatchObject({
      runtimeConfig: undefined,
      prevResult: undefined,
      args: null,
    });
  });

  test.each([
    [{}, {}],
    [{ "cni.dev/valid-attachments": null }, { "cni.dev/valid-attachments": null }],
    [{ "cni.dev/attachments": [] }, { "cni.dev/attachments": [] }],
    [
      {
        "cni.dev/valid-attachments": [{ containerID: "a", ifname: "eth0" }],
        "cni.dev/attachments": "odd",
        "cni.dev/other": 1,
      },
      {
        "cni.dev/valid-attachments": [{ containerID: "a", ifname: "eth0" }],
        "cni.dev/attachments": "odd",
      },
    ],
  ])("the attachment lists of %j are kept as they are", (keys, gc) => {
    expect(loadConf(netconf(keys), "GC").conf.gc).toEqual(gc);
  });
});

describe("safety", () => {
  test("the answer is frozen through and through, the input is left as it was", () => {
    const input = netconf({
      tenants: { a: { fwmark: "16", namespaces: ["x"] } },
      runtimeConfig: { a: { b: [1] } },
    });
    const before = JSON.stringify(input);
    const { conf } = loadConf(input, "ADD");
    const frozen = (value: unknown): boolean =>
      typeof value !== "object" ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(conf)).toBe(true);
    expect(JSON.stringify(input)).toBe(before);
    expect(Object.isFrozen(input["runtimeConfig"])).toBe(false);
  });

  test("keys called __proto__ have no effect anywhere", () => {
    const text =
      '{"type":"w","name":"net","kubeconfig":"/k","__proto__":{"onError":"allow","polluted":1},' +
      '"delegate":{"type":"ptp","__proto__":{"polluted":1}},"tenants":{"a":{"fwmark":"16","__proto__":{"table":9}}},' +
      '"runtimeConfig":{"__proto__":{"polluted":1}}}';
    const { conf } = loadConf(parseJson(new TextEncoder().encode(text), "x") as JsonObject, "ADD");
    expect(conf.onError).toBe("deny");
    expect(conf.tenants?.[0]?.table).toBeUndefined();
    expect(JSON.stringify(conf)).not.toContain("polluted");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("a key that every object inherits is an unknown key like others", () => {
    expect(refusal(netconf({ constructor: 1, toString: 2 })).code).toBe(2);
    expect(
      add({ marks: { constructor: { mark: 1 }, valueOf: { mark: 2 } } }).tenants?.map(
        (t) => t.name,
      ),
    ).toEqual(["constructor", "valueOf"]);
  });

  test("integers beyond 2^53 reach the delegate with all their digits", () => {
    const text =
      '{"type":"w","name":"n","kubeconfig":"/k","delegate":{"type":"ptp","x":12345678901234567890}}';
    const { conf } = loadConf(parseJson(new TextEncoder().encode(text), "x") as JsonObject, "ADD");
    expect(JSON.stringify(conf.delegate)).toBe('{"type":"ptp","x":12345678901234567890}');
  });
});

describe("a loader that remembers", () => {
  const passed = (mark: string): JsonObject =>
    netconf({ runtimeConfig: { "io.kubernetes.cri.pod-annotations": { mark } } });

  test("judges once what differs in runtimeConfig and prevResult only, and gives each request its own", () => {
    const load = createLoader(4);
    for (const mark of ["0x10", "0x20"])
      expect(load(passed(mark), "ADD")).toEqual(loadConf(passed(mark), "ADD"));
    const result = netconf({ prevResult: { ips: [] } });
    expect(load(result, "DEL")).toEqual(loadConf(result, "DEL"));
    expect(load(result, "DEL")).toEqual(loadConf(result, "DEL"));
    expect(load(netconf(), "DEL").conf.prevResult).toBeUndefined();
    expect(Object.isFrozen(load(passed("0x10"), "ADD").conf.runtimeConfig)).toBe(true);
  });

  test("another key, verb or presence is judged anew, and so is what no runtime writes", () => {
    const load = createLoader(1);
    load(netconf(), "ADD");
    expect(load(netconf({ lockTimeout: "3s" }), "ADD").conf.lockTimeoutMs).toBe(3000);
    expect(() => load(netconf({ prevResult: {} }), "ADD")).toThrow("earlier plugin");
    expect(() => load(netconf({ runtimeConfig: 7 }), "ADD")).toThrow("runtimeConfig");
    expect(load(netconf({ name: "other" }), "STATUS").conf.name).toBe("other");
  });
});
