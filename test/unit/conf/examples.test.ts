import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { loadConf } from "../../../conf/load";
import { parseJson, type JsonObject } from "../../../lib/cni/json";

const EXAMPLES = join(__dirname, "../../../conf/examples");
const OUR_TYPE = "tenant-routing-wrapper";
const FLANNEL_RESULT = {
  cniVersion: "1.0.0",
  ips: [{ address: "10.42.0.7/24", interface: 0 }],
  interfaces: [],
};

interface List {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly JsonObject[];
}

function readList(file: string): List {
  return parseJson(readFileSync(join(EXAMPLES, file)), file) as unknown as List;
}

/** Our plugin objects of a list as the runtime sends them, with a result when one came before. */
function ourObjects(file: string): readonly JsonObject[] {
  const { name, cniVersion, plugins } = readList(file);
  return plugins.flatMap((plugin, i) => {
    if (plugin["type"] !== OUR_TYPE) return [];
    return [{ ...plugin, name, cniVersion, ...(i === 0 ? {} : { prevResult: FLANNEL_RESULT }) }];
  });
}

const files = readdirSync(EXAMPLES);

test("all examples are there", () => {
  expect(files.sort()).toEqual([
    "bridge.conflist",
    "chained-flannel-k3s.conflist",
    "dual-stack.conflist",
    "original-go-wrapper.conflist",
    "ptp.conflist",
    "source-pool.conflist",
    "with-cilium-after.conflist",
  ]);
});

describe.each(files)("%s", (file) => {
  test("has exactly one object of ours", () => {
    expect(ourObjects(file)).toHaveLength(1);
  });

  test.each(["ADD", "DEL", "GC", "STATUS"] as const)("loads for %s without a warning", (verb) => {
    for (const netconf of ourObjects(file)) expect(loadConf(netconf, verb).warnings).toEqual([]);
  });

  test("loads for CHECK with the runtime's prevResult", () => {
    for (const netconf of ourObjects(file)) {
      expect(loadConf({ ...netconf, prevResult: FLANNEL_RESULT }, "CHECK").warnings).toEqual([]);
    }
  });
});

function loadExample(file: string) {
  return loadConf(ourObjects(file)[0] ?? {}, "ADD").conf;
}

test("the original wrapper's conflist means a free choice of marks by kubeconfig", () => {
  expect(loadExample("original-go-wrapper.conflist")).toMatchObject({
    kubeconfig: "/etc/kubernetes/kubelet.conf",
    annotationKeys: ["tenant.routing/fwmark"],
    tenants: undefined,
    delegate: { type: "ptp" },
  });
});

test("the fwmark plugin's conflist means a chained catalogue with both annotation keys", () => {
  expect(loadExample("chained-flannel-k3s.conflist")).toMatchObject({
    delegate: undefined,
    kubeconfig: undefined,
    annotationKeys: ["tenant.routing/fwmark", "cni.fwmark.net/name"],
    tenants: [{ name: "vpn", mark: { value: 16, mask: 16 } }],
    prevResult: FLANNEL_RESULT,
  });
});

test("the bridge example takes the common mask", () => {
  expect(loadExample("bridge.conflist").tenants?.map((t) => t.mark)).toEqual([
    { value: 0x10, mask: 0xff },
    { value: 0x20, mask: 0xff },
  ]);
});
