import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMANDS, runCli } from "../../../cmd/cli";
import { findConf } from "../../../cmd/conflist";
import type { Io } from "../../../cmd/io";
import { checkKubeconfig } from "../../../cmd/deps";
import { refuseHostNetns } from "../../../lib/node/netns";
import { formatTable } from "../../../lib/text/table";
import { parseRequest } from "../../../lib/cni/request";

function io(...args: string[]): { io: Io; out: string[]; err: string[] } {
  const out: string[] = [];
  const err: string[] = [];
  return {
    io: {
      args,
      env: {},
      readStdin: () => new Uint8Array(),
      stdout: (t) => void out.push(t),
      coloured: (t) => void out.push(t),
      stderr: (t) => void err.push(t),
    },
    out,
    err,
  };
}

describe("the command line", () => {
  test.each(["--help", "-h", "help"])("%s lists every command", async (flag) => {
    const { io: i, out } = io(flag);
    expect(await runCli(i)).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(out.join("")).toContain(name);
  });
  test.each(Object.keys(COMMANDS))("%s --help lists its options", async (name) => {
    const { io: i, out } = io(name, "--help");
    expect(await runCli(i)).toBe(0);
    for (const option of Object.keys(COMMANDS[name]?.options ?? {}))
      expect(out.join("")).toContain(`--${option}`);
  });
  test.each([["version"], ["--version"], ["-V"]])("%s prints the CNI versions", async (flag) => {
    const { io: i, out } = io(flag);
    expect(await runCli(i)).toBe(0);
    expect(out.join("")).toContain("0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
  });
  test.each([
    [["nope"]],
    [["constructor"]],
    [["check", "--nope"]],
    [["check", "a", "b"]],
    [["version", "x"]],
  ])("%j is misuse: usage and status 2", async (args) => {
    const { io: i, out, err } = io(...args);
    expect(await runCli(i)).toBe(2);
    expect(out).toEqual([]);
    expect(err.join("")).toContain("Usage: wrapper");
  });
  test("a command that could not look says why: status 2", async () => {
    const { io: i, err } = io("check", "--conf", "/nonexistent.conflist");
    expect(await runCli(i)).toBe(2);
    expect(err.join("")).toBe("wrapper check: /nonexistent.conflist cannot be read: ENOENT\n");
  });
  test("an unknown output format is refused", async () => {
    const { io: i, err } = io("check", "-o", "yaml");
    expect(await runCli(i)).toBe(2);
    expect(err.join("")).toContain('"yaml": use table or json');
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

test("no kubeconfig is fine", async () => {
  await checkKubeconfig(undefined);
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
