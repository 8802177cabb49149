import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needed, protocolFindings, type Plugins } from "../../../../../lib/checks/conflist/plugins";
import type { FoundPlugin } from "../../../../../lib/checks/runtime/plugins";
import { createExec } from "../../../../../lib/node/exec";
import { FakeExec } from "../../../../helpers/fakes";
import { brief, confOf, listOf, OURS, read } from "./set-up";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plugins-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A plugin that prints `answer`. */
function plugin(name: string, answer = ""): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\ncat >/dev/null\ncat <<'END'\n${answer}\nEND\n`);
  chmodSync(path, 0o755);
  return path;
}
const places = (...names: string[]): Plugins => {
  for (const name of names) plugin(name);
  return { dirs: [dir], others: [], binary: "/opt/wrapper", names };
};
const look = (list: ReturnType<typeof listOf>, plugins: Plugins) =>
  needed(list, confOf(list), plugins);
const NO_DELEGATE = { delegate: undefined, tenants: undefined };
const findingsOf = (found: readonly FoundPlugin[]) =>
  brief(found.flatMap(({ findings }) => findings));

describe("needed", () => {
  test("all that are there, ours, the delegate, its IPAM and the next in the list", () => {
    const list = listOf(OURS, { type: "portmap" });
    const types = ["tenant-routing-wrapper", "portmap", "ptp", "host-local"];
    const found = look(list, places(...types));
    expect(found.map(({ type, path, ours }) => [type, path, ours])).toEqual(
      types.map((type, i) => [type, join(dir, type), i === 0]),
    );
    expect(findingsOf(found)).toEqual([]);
  });

  test("one that is nowhere and like none is missing", () => {
    const list = listOf(OURS, { type: "bandwidth" });
    const found = look(list, places("tenant-routing-wrapper", "ptp", "host-local"));
    expect(findingsOf(found)).toEqual(["TR0308 bandwidth"]);
  });

  test("one that is nowhere and like another is mistyped, and the other is named", () => {
    const list = listOf(OURS, { type: "portmpa" });
    const found = look(list, places("tenant-routing-wrapper", "portmap", "ptp", "host-local"));
    expect(findingsOf(found)).toEqual(["TR0409 portmpa"]);
    const [finding] = found.flatMap(({ findings }) => findings);
    expect(finding?.fault).toBe(
      `plugin portmpa (in the list) is in none of ${dir}: did you mean portmap?`,
    );
  });

  test("ours that is not installed is missing, whatever is like it", () => {
    const plugins = places("tenant-routing-wrappers", "ptp", "host-local");
    expect(findingsOf(look(listOf(OURS), plugins))).toEqual(["TR0308 tenant-routing-wrapper"]);
  });

  test("our own type mistyped is told elsewhere; the others are not passed over", () => {
    const list = listOf({ type: "tenant-routing-wraper" }, { type: "portmpa" });
    const found = needed(list, NO_DELEGATE, places("tenant-routing-wrapper", "portmap"));
    expect(found.map(({ type }) => type)).toEqual(["tenant-routing-wraper", "portmpa"]);
    expect(findingsOf(found)).toEqual(["TR0409 portmpa"]);
  });
});

describe("protocolFindings", () => {
  const versions = (...supportedVersions: unknown[]): string =>
    JSON.stringify({ cniVersion: "1.0.0", supportedVersions });
  const at = (path: string, part: Partial<FoundPlugin> = {}): FoundPlugin => ({
    ...{ type: "ptp", role: "delegate", ours: false, path, findings: [] },
    ...part,
  });

  test("a plugin that speaks the version is fine", async () => {
    const path = plugin("ptp", versions("0.4.0", "1.0.0"));
    expect(await protocolFindings(listOf(OURS), [at(path)], createExec())).toEqual([]);
  });

  test("one that does not is told with the newest that it speaks, and the line", async () => {
    const old = plugin("ptp", versions("0.3.1", "0.4.0"));
    const fine = plugin("portmap", versions("1.0.0"));
    const found = [at(old), at(fine, { type: "portmap" })];
    const findings = await protocolFindings(listOf(OURS), found, createExec());
    expect(brief(findings)).toEqual(["TR0415 ptp"]);
    expect(findings[0]?.fault).toBe(
      `a.conflist, line 2: cniVersion is 1.0.0, but ptp (${old}) speaks at most 0.4.0`,
    );
  });

  test("what is asked is VERSION, and nothing of the pod", async () => {
    const exec = new FakeExec(versions("1.0.0"));
    await protocolFindings(listOf(OURS), [at("/opt/ptp")], exec);
    expect(exec.requests).toMatchObject([
      { path: "/opt/ptp", args: [], stdin: '{"cniVersion":"1.0.0"}' },
    ]);
    expect(exec.requests[0]?.env).toEqual({ CNI_COMMAND: "VERSION" });
  });

  test("not asked: ours, what is nowhere, and what has something wrong already", async () => {
    const [mistyped] = needed(
      listOf(OURS, { type: "portmpa" }),
      NO_DELEGATE,
      places("portmap"),
    ).slice(1);
    const found = [
      at("/opt/wrapper", { ours: true }),
      at("", { path: undefined }),
      at("/opt/portmpa", { findings: mistyped?.findings ?? [] }),
    ];
    expect(found[2]?.findings).toHaveLength(1);
    const exec = new FakeExec();
    expect(await protocolFindings(listOf(OURS), found, exec)).toEqual([]);
    expect(exec.calls).toEqual([]);
  });

  test.each([[{}], [{ cniVersion: "" }], [{ cniVersion: 1 }]])(
    "a list with %j says no version, so nobody is asked",
    async (part) => {
      const exec = new FakeExec();
      const list = read({ ...part, name: "pods", plugins: [OURS] });
      expect(await protocolFindings(list, [at("/opt/ptp")], exec)).toEqual([]);
      expect(exec.calls).toEqual([]);
    },
  );

  test("versions that are no text do not count", async () => {
    const exec = new FakeExec(versions("0.4.0", 1, null));
    const [finding] = await protocolFindings(listOf(OURS), [at("/opt/ptp")], exec);
    expect(finding?.fault).toContain("speaks at most 0.4.0");
  });

  test.each([
    ["nothing", ""],
    ["no JSON", "usage: ptp"],
    ["no object", "[]"],
    ["no list", '{"supportedVersions":"1.0.0"}'],
    ["an empty list", '{"supportedVersions":[]}'],
  ])("a plugin that answers with %s", async (_, answer) => {
    const path = plugin("ptp", answer);
    const asked = protocolFindings(listOf(OURS), [at(path)], createExec());
    await expect(asked).rejects.toMatchObject({
      message: `${path} does not say which CNI versions it speaks`,
    });
  });
});
