/** The checks of what the runtime does with the conflist, in directories of the test's own. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Conflist,
  runtimeChecks,
  type RuntimeView,
} from "../../../../../lib/checks/runtime/checks";
import type { Looked } from "../../../../../lib/checks/run";
import { CniError } from "../../../../../lib/cni/error";
import { confWith } from "../../../../helpers/conf-object";
import { FakeExec } from "../../../../helpers/fakes";

const OURS = "tenant-routing-wrapper";
const PTP = { type: "ptp", ipam: { type: "host-local" } };

let dir = "";
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "runtime-")));
  for (const name of ["net.d", "bin", "other"]) mkdirSync(join(dir, name));
});
afterEach(() => rmSync(dir, { recursive: true }));

const at = (path: string): string => join(dir, path);
const listOf = (...plugins: object[]) => ({ cniVersion: "1.0.0", name: "pods", plugins });
const put = (name: string, ...plugins: object[]): void =>
  writeFileSync(at(`net.d/${name}`), JSON.stringify(listOf(...plugins)));
const program = (...names: string[]): void => {
  for (const name of names) writeFileSync(at(name), "#!/bin/sh\n", { mode: 0o755 });
};
const conflistOf = (change: Partial<Conflist> = {}): Conflist => ({
  path: at("net.d/10-ours.conflist"),
  list: listOf({ type: OURS, delegate: PTP }) as Conflist["list"],
  conf: confWith({ delegate: PTP }),
  refused: undefined,
  ...change,
});

function look(name: string, change: Partial<RuntimeView> = {}): Promise<Looked> {
  const checks = runtimeChecks({
    ...{ confDir: at("net.d"), runtime: "containerd", named: undefined, unread: undefined },
    ...{ dirs: [at("bin")], others: [at("other")], binary: at("wrapper"), version: "1.2.3" },
    conflist: () => conflistOf(),
    exec: new FakeExec(),
    ...change,
  });
  const check = checks.find((each) => each.name === name);
  if (check === undefined) throw new Error(`no check ${name}`);
  expect([check.category, check.local]).toEqual(["runtime", true]);
  return check.look();
}

describe("conflist in use", () => {
  const NAME = "conflist in use";

  test("ours", async () => {
    put("10-ours.conflist", { type: OURS });
    put("20-other.conflist", { type: "bridge" });
    expect(await look(NAME)).toEqual({ findings: [], summary: "10-ours.conflist is used" });
  });

  test("another one, and the name under which ours comes first", async () => {
    put("10-ours.conflist", { type: OURS });
    put("05-other.conflist", { type: "bridge" });
    const { findings, summary } = await look(NAME);
    expect(findings).toEqual([
      {
        ...{ kind: "another-conflist-first", code: "TR0301" },
        ...{ category: "runtime", severity: "failed" },
        fault: "the runtime uses 05-other.conflist, which sorts before our 10-ours.conflist",
        consequence: "every new pod starts WITHOUT a tenant, and nothing fails",
        remedy: `mv ${at("net.d/10-ours.conflist")} ${at("net.d/00-ours.conflist")}`,
        subject: "05-other.conflist",
      },
    ]);
    expect(summary).toBe("05-other.conflist is used");
  });

  test("none at all", async () => {
    const { findings, summary } = await look(NAME);
    expect(findings).toMatchObject([
      {
        ...{ code: "TR0303", consequence: "no pod starts, and the node becomes NotReady" },
        fault: `no conflist in ${at("net.d")} has our plugin; the runtime has none at all`,
        remedy: `Write ${at("net.d")}/10-tenant-routing.conflist, as docs/install.md says`,
      },
    ]);
    expect(summary).toBe("no conflist is used");
  });

  test("a file that is refused: CRI-O goes on to the next, containerd does not", async () => {
    writeFileSync(at("net.d/05-broken.conflist"), "{");
    put("10-ours.conflist", { type: OURS });
    expect((await look(NAME, { runtime: "CRI-O" })).summary).toBe("10-ours.conflist is used");
    const { findings, summary } = await look(NAME);
    expect(summary).toBe("05-broken.conflist is used");
    expect(findings).toMatchObject([{ code: "TR0305", subject: "05-broken.conflist" }]);
  });

  test("the file that was named is the one that should be used", async () => {
    put("10-ours.conflist", { type: OURS });
    put("20-mine.conflist", { type: OURS });
    const { findings } = await look(NAME, { named: at("net.d/../net.d/20-mine.conflist") });
    expect(findings).toMatchObject([{ code: "TR0301", subject: "10-ours.conflist" }]);
    expect((await look(NAME)).findings).toMatchObject([
      {
        ...{ code: "TR0304", severity: "warning" },
        fault: "20-mine.conflist has our plugin too; the runtime uses 10-ours.conflist",
        remedy: `mv ${at("net.d/20-mine.conflist")} ${at("net.d/20-mine.conflist.unused")}`,
      },
    ]);
  });

  test("a named file elsewhere is not the runtime's business", async () => {
    expect(await look(NAME, { named: at("other/x.conflist") })).toEqual({
      findings: [],
      skipped: `${at("other/x.conflist")} is not in ${at("net.d")}`,
    });
  });

  test("a directory that cannot be read: the look fails", async () => {
    const confDir = at("nowhere");
    await expect(look(NAME, { confDir })).rejects.toThrow(`${confDir} cannot be read (ENOENT)`);
  });
});

describe("conflist", () => {
  test("that ADD takes is no finding", async () => {
    expect(await look("conflist")).toEqual({ findings: [] });
  });

  test("that ADD refuses, with ADD's words", async () => {
    const conflist = () => conflistOf({ refused: '"tenants" is empty' });
    expect((await look("conflist", { conflist })).findings).toMatchObject([
      {
        ...{ code: "TR0306", severity: "failed", subject: at("net.d/10-ours.conflist") },
        fault: '10-ours.conflist: "tenants" is empty',
        consequence: "every ADD fails, so no pod starts",
        remedy: `Correct ${at("net.d/10-ours.conflist")} as the message says`,
      },
    ]);
  });

  test.each<[string, readonly object[], string]>([
    ["behind another", [PTP, { type: OURS, delegate: PTP }], "Move our plugin to the front"],
    ["alone and chained", [{ type: OURS }], 'Add a "delegate" to our plugin'],
  ])("with our plugin %s", async (_, plugins, remedy) => {
    const conflist = () => conflistOf({ list: listOf(...plugins) as Conflist["list"] });
    const { findings } = await look("conflist", { conflist });
    expect(findings.map(({ code }) => code)).toEqual(["TR0307"]);
    expect(findings[0]?.remedy).toContain(remedy);
  });

  test("that is not there: the look fails", async () => {
    const conflist = (): never => {
      throw new CniError("io", "there is no conflist");
    };
    await expect(look("conflist", { conflist })).rejects.toThrow("there is no conflist");
    await expect(look("plugins", { conflist })).rejects.toThrow("there is no conflist");
  });
});

describe("plugins", () => {
  const SAID = "CNI ptp plugin v1.6.2\nCNI protocol versions supported: 0.3.0, 1.1.0\n";

  test("each says its version; without one its newest protocol tells old from new", async () => {
    program(`bin/${OURS}`, "bin/ptp", "bin/host-local");
    const debian =
      "CNI host-local plugin version unknown\nCNI protocol versions supported: 0.1.0, 1.0.0";
    const exec = new FakeExec(`${OURS} 1.0.0\n`, { stderr: SAID }, { stderr: debian });
    expect(await look("plugins", { exec })).toEqual({
      findings: [],
      summary: `${OURS} 1.0.0, ptp 1.6.2, host-local (CNI 1.0.0)`,
    });
    expect(exec.calls).toEqual([
      `${at(`bin/${OURS}`)} version`,
      at("bin/ptp"),
      at("bin/host-local"),
    ]);
    expect(exec.requests.map(({ env, timeoutMs }) => [env, timeoutMs])).toEqual(
      Array(3).fill([{}, 1000]),
    );
  });

  test("our own binary is not started to say what we know", async () => {
    program("wrapper", "bin/ptp", "bin/host-local");
    symlinkSync(at("wrapper"), at(`bin/${OURS}`));
    const exec = new FakeExec({ stderr: SAID }, { spawnError: "ETXTBSY" });
    expect((await look("plugins", { exec })).summary).toBe(`${OURS} 1.2.3, ptp 1.6.2, host-local`);
    expect(exec.left).toBe(0);
  });

  test("one that is missing or cannot be executed is a finding, and is not started", async () => {
    program(`bin/${OURS}`, "other/ptp");
    writeFileSync(at("bin/host-local"), "#!/bin/sh\n", { mode: 0o644 });
    const exec = new FakeExec("");
    const { findings, summary } = await look("plugins", { exec });
    expect(findings).toMatchObject([
      {
        ...{ code: "TR0308", subject: "ptp" },
        fault: `plugin "ptp" (delegate) is in none of the runtime's directories (${at("bin")})`,
        remedy: `install -m 0755 ${at("other/ptp")} ${at("bin/ptp")}`,
      },
      {
        ...{ code: "TR0309", subject: at("bin/host-local") },
        fault: `${at("bin/host-local")} (IPAM of the delegate) is not executable`,
        remedy: `chmod 0755 ${at("bin/host-local")}`,
      },
    ]);
    expect(summary).toBe(`${OURS}, ptp, host-local`);
    expect(exec.calls).toHaveLength(1);
  });

  test("where the runtime's configuration may not be read, none is said to be missing", async () => {
    await expect(look("plugins", { unread: "/etc/x.toml" })).rejects.toThrow(
      "/etc/x.toml cannot be read, so the runtime's directories are not known",
    );
  });
});
