/** The agent's page in a real browser, on a node with pods that send and gateways that come and go. */
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { BrowserContextOptions, Locator, Page } from "playwright-core";
import { createHttpDoor, type HttpDoor } from "../../lib/agent/metrics/http";
import type { EventObject } from "../../lib/agent/page/events";
import type { GatewayObject, NodeObject, PodObject } from "../../lib/agent/page/node-object";
import { createSite, type FindingsObject } from "../../lib/agent/page/site";
import { openRelay, type Relay } from "../../lib/agent/relay";
import type { StatusObject } from "../../lib/checks/report/json";
import { browserTest, useBrowser, type Visit } from "../helpers/browser";
import { CONTRAST, GROUND } from "../helpers/contrast";
import { useAgents } from "../helpers/node-agent";
import { useFloods } from "../helpers/node-flood";
import { POD_NET, useGateways } from "../helpers/node-gateways";
import { addressesOf } from "../helpers/node-rules";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
useGateways(world);
const agents = useAgents(world);
const floods = useFloods(() => ({ "gw-a": `${world.netns}-gw-a`, "gw-b": `${world.netns}-gw-b` }));
const visit = useBrowser();
const NARROW = { viewport: { width: 1600, height: 1100 } };

let relay: Relay | undefined;
afterEach(() => relay?.close());

async function attach(
  runtime: Runtime,
  [namespace, name]: readonly [string, string],
  tenant?: string,
): Promise<Pod> {
  const pod = world.newPod(namespace, name);
  const added = expectOk(await runtime.add(pod, annotated(tenant)));
  if (tenant === "tenant-a") floods.start(pod.netns, addressesOf(added), "gw-a");
  return pod;
}

/** Tenant A with two gateways and two pods that send, tenant B with one, a pod without a tenant. */
async function startNode(): Promise<string> {
  // What the world itself has for its tenants would be in the way.
  for (const family of ["-4", "-6"])
    world.inside(
      undefined,
      "sh",
      "-c",
      `f=${family}; ip $f rule del pref 32764; while ip $f rule del pref 32765; do :; done 2>/dev/null
       ip $f route flush table 100; ip $f route flush table 200; true`,
    );
  const list = ourList(world, {
    ...ASKS,
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam(POD_NET) },
    tenants: {
      "tenant-a": {
        ...{ fwmark: "0x10/0xff", table: 100 },
        gateways: [
          { via: "10.10.10.1", dev: "eth1" },
          { via: "10.10.20.1", dev: "eth2" },
        ],
      },
      "tenant-b": {
        ...{ fwmark: "0x20/0xff", table: 200 },
        gateways: [{ via: "10.10.20.1", dev: "eth2" }],
      },
    },
    routes: { namesDir: "", watch: { statusFile: "" } },
  });
  await agents.start(list);
  const runtime = createRuntime(world, list);
  await attach(runtime, ["team-a", "web-0"], "tenant-a");
  await attach(runtime, ["team-a", "web-1"], "tenant-a");
  await attach(runtime, ["team-b", "api-0"], "tenant-b");
  await attach(runtime, ["plain", "client-0"]);
  relay = await openRelay(join(world.dir, "agent.sock"));
  return relay.url;
}

/** The texts of the boxes of one kind, band by band. */
function boxes(page: Page, kind: string): Promise<readonly string[]> {
  return page.locator(`.box.${kind} .label`).allTextContents();
}

function gateway(page: Page, tenant: string, address: string): Locator {
  return page.locator(`.band[aria-label="${tenant}"] .box.gateway`, { hasText: address });
}

function expectQuiet({ asked, complaints }: Visit, url: string): void {
  expect(complaints).toEqual([]);
  expect(asked.filter((each) => !each.startsWith(url) && each !== "data:,")).toEqual([]);
}

const SHOWN_CONF = "/etc/cni/net.d/10-tenant-routing.conflist";

/** Writes docs/page-*.png where somebody wants new ones, without what is of this machine alone. */
async function keepPictures({ page }: Visit): Promise<void> {
  if (process.env["UPDATE_SCREENSHOT"] !== "1") return;
  await page.setViewportSize({ width: 1280, height: 1000 });
  await page.route("**/api/v1/node", async (route) => {
    const node = (await (await route.fetch()).json()) as NodeObject;
    await route.fulfill({ json: { ...node, node: "node-1", conf: SHOWN_CONF } });
  });
  await page.route("**/api/v1/findings", async (route) => {
    const all = (await (await route.fetch()).json()) as FindingsObject;
    const findings = all.report?.findings.filter(({ category }) => category === "routes") ?? [];
    const report = findings.length === 0 ? null : { ...all.report, findings };
    const body = JSON.stringify({ ...all, report });
    await route.fulfill({
      json: JSON.parse(body.replaceAll(/\/tmp\/[^" ]+\.conflist/g, SHOWN_CONF)),
    });
  });
  await page.locator("#node", { hasText: "node-1" }).waitFor();
  await page.locator("#verdict", { hasText: /failed|warning/ }).waitFor();
  await page.locator(".code", { hasText: "TR03" }).first().waitFor({ state: "detached" });
  await page.locator(".code", { hasText: "TR01" }).first().waitFor();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const path = join(__dirname, `../../docs/page-${colorScheme}.png`);
    await page.screenshot({ path, animations: "disabled" });
  }
}

browserTest("pods, marks, tables and gateways; a lost gateway; a repair", async () => {
  const url = await startNode();
  const seen = await visit(url, { ...NARROW, colorScheme: "light" });
  const { page } = seen;
  await page.locator(".box.pod >> text=plain/client-0").waitFor();
  expect(
    await page.locator(".band").evaluateAll((all) => all.map((each) => each.ariaLabel)),
  ).toEqual(["tenant-a", "tenant-b", "no tenant"]);
  expect(await boxes(page, "pod")).toEqual([
    "team-a/web-0",
    "team-a/web-1",
    "team-b/api-0",
    "plain/client-0",
  ]);
  expect(await boxes(page, "mark")).toEqual(["0x10/0xff", "0x20/0xff", "no mark"]);
  expect(await boxes(page, "table")).toEqual(["table 100", "table 200", "main"]);
  const [a1, a2] = ["10.10.10.1", "10.10.20.1"].map((each) => gateway(page, "tenant-a", each));
  await a1?.and(page.locator(".good")).waitFor();
  await a2?.and(page.locator(".good")).waitFor();
  await page
    .locator(".edge.flow text", { hasText: /^[\d.]+k? packets\/s$/ })
    .first()
    .waitFor();

  world.inside(undefined, "ip", "link", "set", "eth1", "down");
  await a1?.and(page.locator(".bad")).waitFor();
  await a2?.and(page.locator(".good")).waitFor();
  await page.locator(".edge.lost").waitFor({ state: "attached" });
  await page.locator(".event.lost", { hasText: "10.10.10.1" }).waitFor();
  world.inside(undefined, "sh", "-c", "iptables -w -t mangle -F; nft flush ruleset");
  await page.locator(".event.repair", { hasText: "marks" }).first().waitFor();
  await page.locator(".finding").first().waitFor();
  expectQuiet(seen, url);
  await keepPictures(seen);
});

describe("what is shown", () => {
  const HOSTILE = `<img src=x onerror="hacked=1"></text><script>hacked=1</script>\u202e`;
  const time = new Date().toISOString();
  const gatewayOf = (state: GatewayObject["state"]): GatewayObject => ({
    ...{ gateway: `10.0.0.1 dev ${state}`, dev: state, state, neighbour: HOSTILE },
    ...{ to: ["default", HOSTILE], devicePacketsPerSecond: 3 },
  });
  const pods = ["one", HOSTILE].map((name): PodObject => ({
    ...{ pod: `n/${name}`, addresses: [HOSTILE], state: "missing" },
    ...{ packets: 1, packetsPerSecond: 5 },
  }));
  const node: NodeObject = {
    ...{ time, node: HOSTILE, version: HOSTILE, conf: HOSTILE, interval: 1 },
    ...{ conditions: [HOSTILE], lastEvent: 1 },
    groups: [
      {
        ...{ tenant: HOSTILE, mark: "0x10/0xff", table: 1, onGatewayLoss: "stop", pods },
        ...{ gateways: [gatewayOf("up"), gatewayOf("lost")], packetsPerSecond: 5 },
        ...{ bytesPerSecond: 5, leaked: 2, leaksPerSecond: 1 },
        leakedToDefaultRoute: 1,
      },
    ],
  };
  const report: StatusObject = {
    ...{ conf: null, status: 1, categories: [] },
    findings: (["failed", "warning"] as const).map((severity) => ({
      ...{ kind: "k", code: "TR0601", category: "pods", severity, subject: null, page: "" },
      ...{ fault: HOSTILE, consequence: HOSTILE, remedy: HOSTILE },
    })),
  };
  const events = (["lost", "back", "repair"] as const).map((kind, at): EventObject => ({
    ...{ id: at + 1, time, kind, message: HOSTILE, tenant: null, pod: null },
  }));
  let [door, server]: [HttpDoor | undefined, Server | undefined] = [undefined, undefined];
  afterEach(() => {
    door?.close();
    server?.close();
  });

  async function open(how: BrowserContextOptions): Promise<Visit & { readonly url: string }> {
    const socket = join(world.dir, "page.sock");
    door = createHttpDoor({
      ...{ contentType: "text/plain", metrics: async () => "", sickness: () => [] },
      unready: async () => [],
      site: createSite({
        node: async () => node,
        findings: () => ({ time, problem: HOSTILE, report }),
        events: () => ({ events }),
      }),
    });
    server = createServer((connection) => door?.accept(connection)).listen(socket);
    relay = await openRelay(socket);
    const seen = await visit(relay.url, { ...NARROW, ...how });
    await seen.page.locator(".finding").first().waitFor();
    return { ...seen, url: relay.url };
  }

  browserTest(
    "names and messages of others are text, and what is invisible is visible",
    async () => {
      const seen = await open({});
      const { page } = seen;
      const visible = HOSTILE.replace("\u202e", "\\u202e");
      expect(await page.locator("#node").textContent()).toBe(visible);
      for (const place of ["#conditions li", ".fault .text", ".command", ".what", ".consequence"])
        expect(await page.locator(place).first().textContent()).toBe(visible);
      await page.locator(".box.pod").last().click();
      expect(await page.locator("#details dd").first().textContent()).toBe(`n/${visible}`);
      expect(await page.locator("img, script").count()).toBe(1);
      expect(await page.evaluate("typeof hacked")).toBe("undefined");
      expectQuiet(seen, seen.url);
    },
  );

  browserTest("everything can be reached by keyboard, and focus outlives new figures", async () => {
    const { page, asked, complaints } = await open({});
    const focused = (): Promise<string | null> =>
      page.evaluate("document.activeElement.getAttribute('data-key')");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.id")).toBe("theme");
    await page.keyboard.press("Tab");
    const first = await focused();
    expect(first).toMatch(/^pod n\/one /);
    expect(await page.locator("#details dd").first().textContent()).toBe("n/one");
    expect(await page.locator('.box[aria-pressed="true"]').count()).toBe(1);
    const before = asked.length;
    while (asked.length < before + 3) await page.waitForTimeout(100);
    expect([await focused(), complaints]).toEqual([first, []]);
    const seen = new Set<string | null>([first]);
    for (let step = 0; step < 6; step++) {
      await page.keyboard.press("ArrowDown");
      seen.add(await focused());
    }
    expect(seen.size).toBe(await page.locator(".box").count());
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toBe(first);
    for (const box of await page.locator(".box").all()) {
      expect(await box.getAttribute("role")).toBe("button");
      expect(await box.getAttribute("aria-label")).toMatch(/\w/);
    }
  });

  browserTest(
    "dark and light, as the system has it or as somebody chooses, both readable",
    async () => {
      const { page } = await open({ colorScheme: "light" });
      const ground = (): Promise<string> => page.evaluate(GROUND);
      const light = await ground();
      expect(await page.evaluate(CONTRAST)).toEqual([]);
      await page.emulateMedia({ colorScheme: "dark" });
      const dark = await ground();
      expect(dark).not.toBe(light);
      expect(await page.evaluate(CONTRAST)).toEqual([]);
      await page.click("#theme");
      expect([await ground(), await page.textContent("#theme")]).toEqual([light, "Colours: light"]);
      await page.reload();
      expect(await ground()).toBe(light);
      await page.click("#theme");
      await page.emulateMedia({ colorScheme: "light" });
      expect(await ground()).toBe(dark);
    },
  );

  browserTest("an agent that has gone is told of, and what is shown stays", async () => {
    const { page } = await open({});
    relay?.close();
    await page.locator("#trouble", { hasText: "The agent does not answer" }).waitFor();
    expect(await page.locator(".box.pod").count()).toBe(2);
  });
});
