/** `wrapper selftest` where every promise is kept: the examples, unusual gateways, and nothing outside is touched. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectNothingLeft, WRAPPER } from "../helpers/lab";
import {
  ALL_WELL,
  EXAMPLES,
  conditions,
  machineState,
  PATH,
  results,
  run,
  selftest,
  useDirectory,
  writeConflist,
} from "../helpers/selftest";

// One run takes some 6 s on a quiet machine of two cores.
const dir = useDirectory();

describe("the examples", () => {
  test.each([
    ["bridge", ["tenant-a (0x10/0xff, table 100)", "tenant-b (0x20/0xff, table 200)"]],
    ["ptp", ["tenant-a (0x10/0xff, table 100)", "vpn (0x20/0xff, table 200)"]],
    [
      "with-cilium-after",
      ["tenant-a (0x1000/0x3000, table 100)", "tenant-b (0x2000/0x3000, table 200)"],
    ],
  ])("%s: every property holds", (name, tested) => {
    const { status, answer } = run(join(EXAMPLES, `${name}.conflist`));
    expect(conditions(answer).filter((text) => text.startsWith("FAILED"))).toEqual([]);
    expect(results(answer)).toEqual(
      Object.fromEntries(ALL_WELL.map((property) => [property, "ok"])),
    );
    expect(answer.tested).toEqual(tested);
    expect(status).toBe(0);
  });

  test("dual-stack: every property holds, in both families wherever there are packets", () => {
    const { stdout, stderr, status } = selftest(join(EXAMPLES, "dual-stack.conflist"));
    expect(stdout).toMatch(/^PROPERTY +RESULT +REMEDY$/m);
    for (const property of [
      "cluster traffic stays",
      "reply path",
      "foreign marks survive",
      "address reuse",
      "lost gateway stops",
      "local rule at 100",
    ]) {
      expect(stdout).toMatch(new RegExp(`^${property} +ok \\(tenant-a: IPv4 and IPv6\\)$`, "m"));
    }
    expect(stdout).not.toMatch(/FAILED|not applicable/);
    // What is being done, one line for each.
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => /^wrapper selftest: \d+ s: (?:\d+ of 11: )?(.*)$/.exec(line)?.[1]);
    expect(lines).toHaveLength(1 + ALL_WELL.length);
    expect([...lines].sort()).toEqual(
      ["a node, its gateways and neighbours are made, in network namespaces", ...ALL_WELL].sort(),
    );
    expect(stdout).not.toContain("wrapper selftest:");
    expect(status).toBe(0);
  });

  test("chained-flannel-k3s: after ptp in flannel's place, for the mark only", () => {
    const { status, answer } = run(join(EXAMPLES, "chained-flannel-k3s.conflist"));
    expect(results(answer)).toMatchObject({
      "pods are attached": "ok",
      "node routes": "not applicable",
      "foreign marks survive": "ok",
      "fail-closed": "ok",
      "DEL leaves nothing": "ok",
    });
    expect(answer.notes.join("\n")).toContain(
      "the plugin flannel reaches beyond a network namespace, so ptp with a test pool takes its place",
    );
    expect(status).toBe(0);
  });

  test("original-go-wrapper: the mark without a mask and the missing default route are found", () => {
    const { status, answer } = run(join(EXAMPLES, "original-go-wrapper.conflist"));
    expect(conditions(answer)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^FAILED own gateway no tenant: .* \| the pod has no IPv4 default route: add \{ "dst": "0\.0\.0\.0\/0" \}/,
        ),
        expect.stringMatching(
          /^FAILED foreign marks survive 0x10\/0xffffffff: its mask covers bits of kube-proxy \(0xc000\)/,
        ),
      ]),
    );
    expect(status).toBe(1);
  });
});

test("a gateway on the delegate's own bridge, another beside it, and a next hop that is link-local: every property holds", () => {
  const gateways = [
    { via: "10.202.0.250", dev: "br-pods" },
    { via: "10.9.9.1", dev: "eth1", weight: 3 },
    { via: "fe80::1", dev: "eth1" },
  ];
  const delegate = { type: "bridge", bridge: "br-pods", isGateway: true };
  const { status, answer } = run(writeConflist(dir(), { tenant: { gateways }, delegate }));
  expect(conditions(answer)).toEqual([]);
  expect(status).toBe(0);
});

test("networks with gateways of their own: each is called by these, and without them where the conflist says", () => {
  const [eth2, eth3] = [
    [
      { via: "10.9.9.1", dev: "eth2" },
      { via: "fd00:9::1", dev: "eth2" },
    ],
    [{ via: "10.8.8.1", dev: "eth3" }],
  ];
  const routes = [
    { to: ["198.51.100.0/24", "2001:db8:5::/48"], gateways: eth2 },
    { to: ["198.51.100.64/26"], gateways: eth3, onGatewayLoss: "fallback" },
    // Behind the interface of the tenant's own gateway: first both are lost, and then these alone.
    { to: ["192.0.2.7"], gateways: [{ via: "10.10.10.132", dev: "eth1", check: "192.0.2.9" }] },
    {
      to: ["192.0.2.128/25", "2001:db8:6::/48"],
      gateways: [
        { via: "10.10.10.133", dev: "eth1" },
        { via: "fe80::33", dev: "eth1" },
      ],
      onGatewayLoss: "fallback",
    },
  ];
  const { status, answer } = run(writeConflist(dir(), { tenant: { routes } }));
  expect(conditions(answer)).toEqual([]);
  expect(results(answer)).toMatchObject({ "networks by own gateways": "ok" });
  expect(answer.notes.join("\n")).not.toContain("not tested");
  expect(status).toBe(0);
});

test.each(["nft", "legacy"])(
  "nothing outside its namespaces is touched, and nothing is left (iptables %s)",
  async (iptables) => {
    const conf = writeConflist(dir(), { ours: { iptables } });
    const bytes = readFileSync(conf, "utf8");
    const before = machineState();
    const child = spawn(WRAPPER, ["selftest", "--conf", conf], {
      env: { PATH },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const status = await new Promise((done) => child.on("close", done).stdout.resume());
    expect(status).toBe(0);
    expect(machineState()).toBe(before);
    expect(readFileSync(conf, "utf8")).toBe(bytes);
    expectNothingLeft(`trl${child.pid ?? 0}a`);
  },
);
