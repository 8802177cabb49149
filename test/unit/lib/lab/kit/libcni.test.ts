import type { JsonObject } from "../../../../../lib/cni/json";
import {
  cniEnvironment,
  conflistOf,
  netconfOf,
  runList,
  type Conflist,
  type PluginRun,
  type Verb,
} from "../../../../../lib/lab/kit/libcni";

const LIST: Conflist = {
  name: "net",
  cniVersion: "1.0.0",
  plugins: [
    { type: "first", capabilities: { portMappings: true } },
    { type: "second", capabilities: { portMappings: false } },
  ],
};
const OFFERS = { portMappings: [], bandwidth: {} };

/** A runtime whose plugins answer with their own name, except those that fail. */
function fakeRuntime(cache: Record<string, JsonObject> = {}, failing: readonly string[] = []) {
  const results = new Map(Object.entries(cache));
  const seen: JsonObject[] = [];
  const execute = async (netconf: JsonObject): Promise<PluginRun> => {
    seen.push(netconf);
    const type = String(netconf["type"]);
    return { ok: !failing.includes(type), result: { by: type } };
  };
  const run = (verb: Verb, list = LIST): Promise<PluginRun> =>
    runList(verb, list, { id: "c", offers: OFFERS, results, execute });
  const shown = (): readonly unknown[] =>
    seen.map(({ type, prevResult }) => [type, (prevResult as JsonObject | undefined)?.["by"]]);
  return { results, seen, run, shown };
}

test("ADD runs in order, each plugin with the result of the one before, and keeps the last", async () => {
  const { results, run, shown } = fakeRuntime({ c: { by: "an older ADD" } });
  expect(await run("ADD")).toEqual({ ok: true, result: { by: "second" } });
  expect(shown()).toEqual([
    ["first", undefined],
    ["second", "first"],
  ]);
  expect(results.get("c")).toEqual({ by: "second" });
});

test("ADD stops at the first failure and keeps nothing", async () => {
  const { results, run, shown } = fakeRuntime({}, ["first"]);
  expect(await run("ADD")).toMatchObject({ ok: false });
  expect(shown()).toEqual([["first", undefined]]);
  expect(results.size).toBe(0);
});

test("CHECK runs in order with the kept result for each, and keeps it", async () => {
  const { results, run, shown } = fakeRuntime({ c: { by: "add" } });
  await run("CHECK");
  expect(shown()).toEqual([
    ["first", "add"],
    ["second", "add"],
  ]);
  expect(results.get("c")).toEqual({ by: "add" });
});

test("DEL runs backwards with the kept result for each, and forgets it", async () => {
  const { results, run, shown } = fakeRuntime({ c: { by: "add" } });
  await run("DEL");
  expect(shown()).toEqual([
    ["second", "add"],
    ["first", "add"],
  ]);
  expect(results.size).toBe(0);
});

test("a DEL that fails keeps the result for the next one", async () => {
  const { results, run } = fakeRuntime({ c: { by: "add" } }, ["first"]);
  expect(await run("DEL")).toMatchObject({ ok: false });
  expect(results.get("c")).toEqual({ by: "add" });
});

test.each([
  ["0.3.1", undefined],
  ["0.4.0", "add"],
  ["1.1.0", "add"],
])("a DEL at %s has prevResult %j", async (cniVersion, expected) => {
  const { run, shown } = fakeRuntime({ c: { by: "add" } });
  await run("DEL", { ...LIST, cniVersion });
  expect(shown()).toEqual([
    ["second", expected],
    ["first", expected],
  ]);
});

test("a plugin gets the list's name and version, and of the offers those that it declares", () => {
  const [first = {}, second = {}] = LIST.plugins;
  expect(netconfOf(LIST, first, OFFERS)).toEqual({
    ...first,
    name: "net",
    cniVersion: "1.0.0",
    runtimeConfig: { portMappings: [] },
  });
  expect(netconfOf(LIST, second, OFFERS)).toEqual({ ...second, name: "net", cniVersion: "1.0.0" });
});

test("a flat .conf is a list of one plugin", () => {
  const file = { name: "net", cniVersion: "1.0.0", type: "ptp" };
  expect(conflistOf(file)).toEqual({ name: "net", cniVersion: "1.0.0", plugins: [file] });
  expect(conflistOf({ ...file, plugins: [{ type: "ptp" }, 7] }).plugins).toEqual([{ type: "ptp" }]);
});

test("a list without plugins is no success", async () => {
  await expect(fakeRuntime().run("ADD", { ...LIST, plugins: [] })).rejects.toThrow(
    "the network net has no plugins",
  );
});

test("the environment names sandbox and pod as containerd does", () => {
  const pod = { namespace: "team-a", name: "web-0", uid: "u" };
  const sandbox = { id: "c", netns: "/run/netns/x", ifname: "eth0", pod };
  expect(cniEnvironment("DEL", sandbox, "/a:/b")).toEqual({
    CNI_COMMAND: "DEL",
    CNI_CONTAINERID: "c",
    CNI_NETNS: "/run/netns/x",
    CNI_IFNAME: "eth0",
    CNI_PATH: "/a:/b",
    CNI_ARGS:
      "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c;K8S_POD_UID=u",
  });
});
