import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findConf } from "../../../cmd/conflist";
import { refuseHostNetns } from "../../../lib/node/netns";
import { formatTable } from "../../../lib/text/table";
import { parseRequest } from "../../../lib/cni/request";
import { PROGRAM, runCommandLine } from "../../helpers/command-line";

const COMMANDS = PROGRAM.commands.map(({ name }) => name);
const ROUTES = PROGRAM.commands.find(({ name }) => name === "routes");

describe("the command line", () => {
  test.each(["--help", "-h", "help"])("%s lists every command", async (flag) => {
    const { status, out } = await runCommandLine(flag);
    expect(status).toBe(0);
    for (const name of COMMANDS) expect(out).toContain(`\n  ${name} `);
  });
  test.each(PROGRAM.commands.map((command) => [command.name, command] as const))(
    "%s --help lists its options",
    async (name, { options, commands }) => {
      const { status, out } = await runCommandLine(name, "--help");
      expect(status).toBe(0);
      for (const { long } of options) expect(out).toContain(long);
      for (const each of commands) expect(out).toContain(`\n  ${each.name} `);
    },
  );
  test.each(ROUTES?.commands.map(({ name }) => [name]) ?? [])(
    "help of an action: routes %s",
    async (action) => {
      const { status, out } = await runCommandLine("routes", action, "--help");
      expect([status, out]).toEqual([
        0,
        expect.stringContaining(`Usage: wrapper routes ${action}`),
      ]);
      expect(await runCommandLine("help", "routes", action)).toEqual({ status, out, err: "" });
    },
  );
  test.each([
    ["-h", "check"],
    ["--help", "gc", "--dry-run"],
    ["routes", "-h", "router-config"],
    ["gc", "--conf", "/nonexistent.conflist", "-h"],
    ["help", "--help"],
    ["help", "help"],
  ])("%j prints help and runs nothing", async (...args) => {
    expect(await runCommandLine(...args)).toEqual({
      status: 0,
      out: expect.stringContaining("Usage: wrapper") as string,
      err: "",
    });
  });
  test("help fits 80 columns", async () => {
    const helps = [
      ...COMMANDS.map((name) => [name]),
      ...(ROUTES?.commands.map(({ name }) => ["routes", name]) ?? []),
    ];
    for (const words of [[], ...helps]) {
      const { out } = await runCommandLine("help", ...words);
      expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    }
  });
  test("what only the labs use is in no help", async () => {
    expect((await runCommandLine("lab", "--help")).out).not.toContain("probe");
    expect((await runCommandLine("lab", "probe", "nonsense")).err).toBe(
      'wrapper lab: unknown probe "nonsense": the labs use respond, flood, addresses and call\n',
    );
  });
  test.each([["version"], ["--version"], ["-V"]])("%s prints the CNI versions", async (flag) => {
    const { status, out } = await runCommandLine(flag);
    expect(status).toBe(0);
    expect(out).toContain("0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
  });
  test.each([
    [["nonsense"], 'unknown command "nonsense"'],
    [["constructor"], 'unknown command "constructor"'],
    [["nonsense", "--help"], 'unknown command "nonsense"'],
    [["help", "nonsense"], 'unknown command "nonsense"'],
    [["check", "--json"], "unknown option '--json'\n(did you mean -o json?)"],
    [["routes", "plan", "--dry-run"], "unknown option '--dry-run'\n(plan changes nothing)"],
    [["chekc"], 'unknown command "chekc"\n(Did you mean check?)'],
    [["--"], "no command"],
    [["--nope"], "unknown option '--nope'"],
    [["check", "--nope"], "unknown option '--nope'"],
    [["check", "--confg", "x"], "unknown option '--confg'\n(Did you mean --conf?)"],
    [["check", "--version"], "unknown option '--version'"],
    [["check", "--conf"], "option '-c, --conf <FILE>' argument missing"],
    [["check", "a", "b"], "too many arguments for 'check'. Expected 1 argument but got 2: a, b."],
    [["routes", "plan", "--nope"], "unknown option '--nope'"],
    [["version", "x"], "too many arguments for 'version'. Expected 0 arguments but got 1: x."],
  ])("%j is misuse: what is wrong, usage and status 2", async (args, problem) => {
    const { status, out, err } = await runCommandLine(...args);
    expect([status, out]).toEqual([2, ""]);
    // The command whose mistake it is, as in its usage.
    expect(err).toMatch(/^(wrapper[a-z ]*): .*\n(?:\(.*\)\n)?\nUsage: \1 /);
    expect(err).toContain(`: ${problem}\n\nUsage: wrapper`);
  });
  test.each([
    [["routes"], "no action", ""],
    [["routes", "aply"], 'unknown action "aply"', "(Did you mean apply?)\n"],
    [["routes", "nonsense", "--help"], 'unknown action "nonsense"', ""],
  ])("%j names the actions: status 2", async (args, problem, suggestion) => {
    expect(await runCommandLine(...args)).toEqual({
      status: 2,
      out: "",
      err: `wrapper routes: ${problem}: use one of plan, apply, show, remove, watch, router-config\n${suggestion}`,
    });
  });
  test.each([
    ["check", ["check", "--conf", "/nonexistent.conflist"]],
    ["check", ["check", "--conf=/nonexistent.conflist"]],
    ["check", ["check", "-c/nonexistent.conflist", "-o", "json", "ns/pod"]],
    ["gc", ["gc", "-c", "/nonexistent.conflist", "--dry-run"]],
    ["routes", ["routes", "router-config", "-c", "/nonexistent.conflist", "--format", "frr"]],
    ["routes", ["routes", "-c", "/nonexistent.conflist", "router-config"]],
    ["routes", ["routes", "--force", "router-config", "-c", "/nonexistent.conflist"]],
  ])("%s could not look and says why, options in any order: status 2", async (name, args) => {
    expect(await runCommandLine(...args)).toEqual({
      status: 2,
      out: "",
      err: `wrapper ${name}: /nonexistent.conflist cannot be read: ENOENT\n`,
    });
  });
  test("an unknown output format is refused", async () => {
    const { status, err } = await runCommandLine("check", "-o", "yaml");
    expect([status, err]).toEqual([
      2,
      'wrapper check: unknown output format "yaml": use table or json\n',
    ]);
  });
});

describe("findConf", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "conflist-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const file = (content: unknown) => {
    const path = join(dir, "x.conflist");
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };
  const OURS = {
    type: "tenant-routing-wrapper",
    kubeconfig: "/k",
    dataDir: "/run/elsewhere",
    delegate: { type: "ptp" },
  };

  test("takes our plugin from a list, with the list's name and version", () => {
    const path = file({ cniVersion: "1.0.0", name: "net", plugins: [{ type: "flannel" }, OURS] });
    expect(findConf(path)).toMatchObject({
      path,
      warnings: [],
      conf: { name: "net", cniVersion: "1.0.0", dataDir: "/run/elsewhere" },
    });
  });
  test("takes a plain netconf", () => {
    expect(findConf(file({ ...OURS, name: "net" })).conf.cniVersion).toBe("0.1.0");
  });
  test("a configuration that ADD refuses can still be looked at, with its warnings", () => {
    expect(
      findConf(
        file({ cniVersion: "1.0.0", name: "net", plugins: [{ ...OURS, kubeconfig: "relative" }] }),
      ).warnings,
    ).toHaveLength(1);
  });
  test.each([
    [{ plugins: [{ type: "ptp" }] }, 7],
    [{ type: "ptp" }, 7],
    ["[]", 6],
    ["{", 6],
  ])("%j is code %i", (content, code) => {
    expect(() => findConf(file(content))).toThrow(expect.objectContaining({ code }));
  });
});

test("formatTable aligns columns and leaves no trailing space", () => {
  expect(
    formatTable(
      ["A", "LONG", "C"],
      [
        ["aaa", "b", "c"],
        ["a", "b", ""],
      ],
    ),
  ).toBe("A    LONG  C\naaa  b     c\na    b\n");
});

describe("the node's own network namespace", () => {
  const request = (netns: string, override = "") =>
    parseRequest({
      CNI_COMMAND: "DEL",
      CNI_CONTAINERID: "c",
      CNI_IFNAME: "eth0",
      CNI_PATH: "/",
      CNI_NETNS: netns,
      CNI_NETNS_OVERRIDE: override,
    });
  test("is refused, unless the override says so", () => {
    expect(() => refuseHostNetns(request("/proc/self/ns/net"))).toThrow(
      expect.objectContaining({ code: 8 }),
    );
    refuseHostNetns(request("/proc/self/ns/net", "1"));
  });
  test.each(["", "/nonexistent", "/proc/self/ns/uts"])("%j is not it", (netns) => {
    refuseHostNetns(request(netns));
  });
});
