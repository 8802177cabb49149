import { loadConf } from "../../../conf/load";
import type { Json } from "../../../lib/cni/json";
import { netconf, refusal } from "./helpers";

const LENIENT = ["DEL", "GC", "CHECK"] as const;
const PREV = { cniVersion: "1.0.0", ips: [] };
const defaults = loadConf(netconf(), "ADD").conf;

describe.each(LENIENT)("%s with a configuration that ADD refuses", (verb) => {
  const load = (changes: Readonly<Record<string, Json | undefined>>) =>
    loadConf(netconf({ prevResult: PREV, ...changes }), verb);

  test("takes what is valid and the default of what is not", () => {
    const { conf, warnings } = load({
      kubeconfig: "relative",
      onError: "x",
      iptables: "legacy",
      dataDir: "../x",
      logFile: "/l",
      apiTimeout: "never",
      delegateTimeout: "1ms",
      lockTimeout: "3s",
      mask: "0",
      annotationKey: [],
      markReplies: true,
      zzz: 1,
    });
    expect(conf).toEqual({
      ...defaults,
      kubeconfig: undefined,
      iptables: "legacy",
      logFile: "/l",
      lockTimeoutMs: 3000,
      markReplies: true,
      prevResult: PREV,
    });
    expect(warnings.map((warning) => warning.split(" ")[0])).toEqual([
      "/zzz",
      "/kubeconfig",
      "/annotationKey",
      "/onError",
      "/dataDir",
      "/apiTimeout",
      "/mask",
      "/delegateTimeout",
    ]);
    expect(warnings.join()).toMatch(/\/kubeconfig is "relative".*: write an absolute path/);
  });

  test("needs neither kubeconfig nor delegate", () => {
    const { conf, warnings } = load({ kubeconfig: undefined, delegate: undefined });
    expect(conf).toMatchObject({ kubeconfig: undefined, delegate: undefined });
    expect(warnings).toEqual([]);
  });

  test("keeps a delegate with a wrong name, without the name", () => {
    const { conf, warnings } = load({ delegate: { type: "ptp", name: "other", mtu: 1 } });
    expect(conf.delegate).toEqual({ type: "ptp", mtu: 1 });
    expect(warnings).toEqual([expect.stringContaining("/delegate/name")]);
  });

  test.each(["../sh", "", 7, "tenant-routing-wrapper", null])(
    "runs no delegate of type %j",
    (type) => {
      const { conf, warnings } = load({ delegate: { type, name: "x" } });
      expect(conf.delegate).toBeUndefined();
      expect(warnings.join()).toContain("/delegate/type");
    },
  );

  test("drops a broken tenant as a whole and keeps the others", () => {
    const { conf, warnings } = load({
      tenants: {
        good: { fwmark: "1" },
        guard: { fwmark: "2", namespaces: "x", table: "y" },
        mark: { fwmark: "0" },
        "1": { fwmark: "3" },
        same: { fwmark: "1" },
      },
      marks: { good: { mark: 8 }, other: { mark: 16, mask: 1 } },
    });
    expect(conf.tenants?.map((t) => t.name)).toEqual(["good"]);
    expect(warnings.length).toBeGreaterThanOrEqual(6);
  });

  test("a catalogue that is wholly broken allows nothing rather than everything", () => {
    expect(load({ tenants: { a: { fwmark: "0" } } }).conf.tenants).toEqual([]);
    expect(load({ tenants: "x" }).conf.tenants).toEqual([]);
  });

  test("a network without a usable name is an error all the same", () => {
    for (const name of [undefined, "", "a b", 7]) {
      expect(refusal(netconf({ prevResult: PREV, name, onError: "x" }), verb).code).toBe(7);
    }
  });

  test("whatever is in the fields, it answers", () => {
    const odd: readonly Json[] = [
      null,
      0,
      -1,
      1.5,
      "",
      "x",
      [],
      [[]],
      {},
      { a: {} },
      { a: [] },
      { a: { delegate: 1 } },
      true,
    ];
    const keys = [
      "type",
      "cniVersion",
      "capabilities",
      "runtimeConfig",
      "args",
      "dns",
      "delegate",
      "kubeconfig",
      "annotationKey",
      "tenants",
      "marks",
      "mask",
      "onError",
      "exemptNamespaces",
      "markReplies",
      "iptables",
      "dataDir",
      "logFile",
      "logLevel",
      "apiTimeout",
    ];
    for (const value of odd) {
      for (const key of keys) expect(load({ [key]: value }).conf.name).toBe("net");
      expect(load(Object.fromEntries(keys.map((key) => [key, value]))).conf.dataDir).toBe(
        "/run/tenant-routing",
      );
    }
  });
});

test("DEL and GC live with any prevResult", () => {
  for (const prevResult of ["garbage", [], 7, null, undefined]) {
    for (const verb of ["DEL", "GC"] as const) {
      expect(loadConf(netconf({ prevResult }), verb).conf.prevResult).toBeUndefined();
    }
  }
  expect(loadConf(netconf({ prevResult: "garbage" }), "DEL").warnings).toHaveLength(1);
});

test("CHECK without a prevResult is an error with a hint, with and without a delegate", () => {
  for (const changes of [
    {},
    { prevResult: null },
    { prevResult: "garbage" },
    { delegate: undefined },
  ]) {
    const error = refusal(netconf(changes), "CHECK");
    expect(error.code).toBe(7);
    expect(error.message).toContain(
      "/prevResult is missing, and CHECK needs it: the runtime must pass the result of ADD",
    );
  }
});

test("an error of DEL has none of the words that runtimes swallow", () => {
  expect(refusal(netconf({ name: "a b" }), "DEL").message).not.toMatch(/not found|no such file/);
});
