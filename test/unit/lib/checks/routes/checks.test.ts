/** The checks of rules, tables and gateways, on a node on paper. */
import type { PluginConf } from "../../../../../conf/types";
import { routesChecks, type RoutesNodeView } from "../../../../../lib/checks/routes/checks";
import type { Looked } from "../../../../../lib/checks/run";
import { CniError } from "../../../../../lib/cni/error";
import { look } from "../../../../../lib/routes/apply";
import { carryOut } from "../../../../../lib/routes/carry-out";
import type { Verdict } from "../../../../../lib/routes/watch/health";
import type { ProbeRequest } from "../../../../../lib/routes/watch/probe";
import type { RunningWatcher } from "../../../../../lib/routes/watch/watcher-lock";
import { FakeNode } from "../../routes/fake-node";
import { confOf, link, rule, stateOf, TENANTS } from "../../routes/node-rig";

const LINKS = [{ name: "eth1", carrier: true, resolves: true }];
const CONF = confOf();
const ONE = confOf({ tenants: { a: TENANTS.a } });

interface Rig {
  readonly node: FakeNode;
  readonly asked: ProbeRequest[];
  readonly run: (name: string) => Promise<Looked>;
}

/** All checks of one view; `verdict` is what a gateway's probe says, `watcher` the one that runs. */
function rigOf(
  conf: PluginConf | (() => never),
  verdict: (request: ProbeRequest) => Verdict = () => ({ kind: "answered" }),
  watcher?: RunningWatcher,
): Rig {
  const node = new FakeNode();
  const asked: ProbeRequest[] = [];
  const view: RoutesNodeView = {
    conf: typeof conf === "function" ? conf : () => conf,
    node: () => Object.assign(node, { watcherLock: { watcher: async () => watcher } }),
    probes: {
      requirePing: async () => undefined,
      links: async () => LINKS,
      ask: async (request) => {
        asked.push(request);
        return verdict(request);
      },
    },
  };
  const checks = routesChecks(view);
  const run = async (name: string): Promise<Looked> => {
    const check = checks.find((each) => each.name === name);
    if (check === undefined) throw new Error(`no check ${name}`);
    expect([check.category, check.local]).toEqual(["routes", true]);
    return check.look();
  };
  return { node, asked, run };
}

/** Makes the node as the configuration asks, settings of the kernel apart. */
async function apply(node: FakeNode, conf: PluginConf): Promise<void> {
  await carryOut(await look(conf, node, { sysctl: false }), node);
}

const NAMES = ["node routes", "collisions", "gateways"];

test.each(NAMES)("%s: skipped where no tenant has a table", async (name) => {
  const rig = rigOf(confOf({ tenants: { a: { fwmark: "0x10/0xff" } } }));
  rig.node.kernel.state = () => Promise.reject(new Error("the kernel was asked"));
  expect(await rig.run(name)).toEqual({ findings: [], skipped: 'no tenant has a "table"' });
});

test.each(NAMES)("%s: without a conflist the look fails", async (name) => {
  const none = (): never => {
    throw new CniError("io", "there is no conflist");
  };
  await expect(rigOf(none).run(name)).rejects.toThrow("there is no conflist");
});

test("all checks look at the kernel once", async () => {
  const rig = rigOf(CONF);
  const state = jest.spyOn(rig.node.kernel, "state");
  await Promise.all(NAMES.map((name) => rig.run(name)));
  expect(state).toHaveBeenCalledTimes(1);
});

describe("node routes", () => {
  test("as the conflist asks: nothing is found, and the tenants are counted", async () => {
    const two = rigOf(CONF);
    await apply(two.node, CONF);
    expect(await two.run("node routes")).toEqual({
      findings: [],
      summary: "2 tenants with a table",
    });
    const one = rigOf(ONE);
    await apply(one.node, ONE);
    expect((await one.run("node routes")).summary).toBe("1 tenant with a table");
  });

  test("never applied: rules, each tenant's table, and nothing of the kernel's settings", async () => {
    const { findings } = await rigOf(CONF).run("node routes");
    expect(findings.map(({ code, subject }) => [code, subject])).toEqual([
      ["TR0117", undefined],
      ["TR0118", "a"],
      ["TR0118", "b"],
      ["TR0120", undefined],
    ]);
    expect(findings[1]?.fault).toBe("table 100 of tenant a is empty");
  });

  test("the routes' own findings come first", async () => {
    const rig = rigOf(ONE);
    await apply(rig.node, ONE);
    const off = { "net/ipv4/ip_forward": "0" };
    rig.node.change({ sysctl: stateOf({}, off).sysctl });
    expect((await rig.run("node routes")).findings).toMatchObject([
      { kind: "forwarding-off", category: "routes", remedy: "wrapper routes apply --sysctl" },
    ]);
  });

  test("a firewall that cannot be read: the look fails with its details", async () => {
    const rig = rigOf(ONE);
    const own = rig.node.kernel.own.bind(rig.node.kernel);
    const forwardError = new CniError("io", "no answer", { details: "exit status 4" });
    rig.node.kernel.own = async (...given) => ({ ...(await own(...given)), forwardError });
    await expect(rig.run("node routes")).rejects.toThrow("no answer (exit status 4)");
  });
});

describe("collisions", () => {
  test("none", async () => {
    expect(await rigOf(CONF).run("collisions")).toEqual({ findings: [] });
  });

  test("a foreign rule that looks into a tenant's table", async () => {
    const rig = rigOf(CONF);
    const { rules } = await rig.node.kernel.state();
    rig.node.change({ rules: [...rules, rule(50, { table: 100, protocol: 3 })] });
    const { findings } = await rig.run("collisions");
    expect(findings).toMatchObject([{ code: "TR0203", category: "routes", severity: "failed" }]);
  });
});

describe("gateways", () => {
  test("that all answer, each asked with its own tenant's mark", async () => {
    const rig = rigOf(CONF);
    expect(await rig.run("gateways")).toEqual({
      findings: [],
      summary: "2 of 2 gateways answer",
    });
    expect(
      rig.asked.map(({ gateway, mark, timeoutMs, links }) => ({
        ...{ via: gateway.via, mark: mark.value, timeoutMs },
        links: links === LINKS,
      })),
    ).toEqual([
      { via: "192.0.2.1", mark: 0x10, timeoutMs: 700, links: true },
      { via: "192.0.2.2", mark: 0x20, timeoutMs: 700, links: true },
    ]);
  });

  test("of which one is silent", async () => {
    const rig = rigOf(CONF, ({ gateway }) =>
      gateway.tenant === "b" ? { kind: "silent", why: "no answer" } : { kind: "answered" },
    );
    expect(await rig.run("gateways")).toEqual({
      findings: [
        {
          ...{ kind: "gateway-silent", code: "TR0119", category: "routes", severity: "failed" },
          fault: "gateway 192.0.2.2 dev eth1 of tenant b is silent: no answer",
          consequence: "packets of tenant b that go there are lost",
          remedy: "Repair the gateway or the way to it: ip neigh show 192.0.2.2 dev eth1",
          subject: "b",
        },
      ],
      summary: "1 of 2 gateways answer",
    });
  });

  test("that cannot be used are not asked, and do not count as answering", async () => {
    const rig = rigOf(CONF);
    rig.node.change({ links: [link("eth1", "192.0.2.9", { up: false })] });
    expect(await rig.run("gateways")).toEqual({
      findings: [],
      summary: "0 of 2 gateways answer",
    });
    expect(rig.asked).toEqual([]);
  });

  test("without an address are named by their family", async () => {
    const tenant = { ...TENANTS.a, gateways: [{ dev: "eth1" }] };
    const rig = rigOf(confOf({ tenants: { a: tenant } }), () => ({ kind: "silent", why: "down" }));
    const { findings } = await rig.run("gateways");
    expect(findings[0]).toMatchObject({
      fault: "gateway IPv4 dev eth1 of tenant a is silent: down",
      remedy: "Repair what is behind eth1: ip -s link show eth1",
    });
  });

  test("that a watcher has taken out: they are named as that, and not asked again", async () => {
    const watcher = { health: () => false, keeps: () => true };
    const rig = rigOf(ONE, undefined, watcher);
    const view = await look(ONE, rig.node, { sysctl: false, ...watcher });
    await carryOut(view, rig.node);
    const { findings } = await rig.run("node routes");
    expect(findings.map(({ code }) => code)).toEqual(["TR0105"]);
    expect(await rig.run("gateways")).toEqual({
      findings: [],
      summary: "0 of 1 gateways answer",
    });
    expect(rig.asked).toEqual([]);
  });

  test("whose probe could not be made: the look fails", async () => {
    const rig = rigOf(CONF, () => ({ kind: "unknown", why: "ping is missing" }));
    await expect(rig.run("gateways")).rejects.toThrow("ping is missing");
  });
});
