/** `wrapper validate`: where a conflist is, what is around it, and what it will do. */
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KUBECONFIG, OLD, useBench } from "../helpers/validate";

const bench = useBench();

const listing = (): readonly string[] => readdirSync(bench.dir, { recursive: true }) as string[];

test("a good conflist: what it will do, and how to switch it on; nothing is written", () => {
  writeFileSync(bench.file, bench.good());
  const before = listing();
  const { status, stdout, stderr } = bench.run();
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  // Lines end where the directory's name is as long as it is.
  const said = stdout.replace(/(?: \\)?\n +/g, " ");
  expect(said).toContain(
    "tenant-routing-wrapper (delegate ptp, addresses by host-local), then portmap",
  );
  expect(stdout).toMatch(/tenant-a +0x10\/0xff +- +- +team-a\n/);
  expect(said).toContain(`mv ${bench.file} ${bench.netDir}/10-tenant-routing.conflist\n`);
  expect(listing()).toEqual(before);
});

test("all mistakes of one file are named at once, the worst first", () => {
  writeFileSync(
    bench.file,
    bench
      .good()
      .replace('"ptp"', '"ptpp"')
      .replace('"host-local"', '"host-locl"')
      .replace("0x20/0xff", "0x20")
      .replace('"namespaces"', '"namespace"'),
  );
  expect(bench.codes()).toEqual(["TR0411", "TR0409", "TR0409", "TR0412"]);
});

test("cniVersion 1.1.0 with a plugin that does not know it", () => {
  bench.plugin("ptp", OLD);
  writeFileSync(bench.file, bench.good().replace('"1.0.0"', '"1.1.0"'));
  const [finding] = bench.findings();
  expect(finding).toMatchObject({ code: "TR0415", subject: "ptp" });
  expect(finding?.fault).toContain("line 2: cniVersion is 1.1.0, but ptp");
  spawnSync("sh", ["-c", finding?.remedy ?? ""]);
  expect(readFileSync(bench.file, "utf8")).toBe(bench.good());
  expect(bench.codes()).toEqual([]);
});

test("a plugin that does not say what it speaks could not be looked at", () => {
  bench.plugin("ptp", []);
  writeFileSync(bench.file, bench.good());
  const { status, stdout } = bench.run();
  expect(status).toBe(2);
  expect(stdout).toMatch(/could not look at cniVersion: \S+ptp does not say/);
});

test.each([
  ["mode 666", () => chmodSync(bench.kubeconfig, 0o666), "TR0502"],
  ["expired", () => writeFileSync(bench.kubeconfig, withToken({ exp: 1 })), "TR0507"],
])("a kubeconfig: %s", (_, spoil, code) => {
  spoil();
  writeFileSync(bench.file, bench.good());
  expect(bench.codes()).toEqual([code]);
  expect(bench.run().status).toBe(1);
});

function withToken(payload: object): string {
  const body = Buffer.from(JSON.stringify(payload)).toString("base64url");
  return KUBECONFIG.replace("token: abc", `token: e30.${body}.c2ln`);
}

describe("net.d", () => {
  const other = JSON.stringify({ cniVersion: "1.0.0", name: "c", plugins: [{ type: "flannel" }] });

  test("another bench.file that would sort before ours; its remedy installs ours before it", () => {
    writeFileSync(join(bench.netDir, "05-other.conflist"), other);
    writeFileSync(bench.file, bench.good());
    const [finding] = bench.findings();
    expect(finding).toMatchObject({ code: "TR0417", subject: "05-other.conflist" });
    spawnSync("sh", ["-c", finding?.remedy ?? ""]);
    expect(bench.findings([])).toEqual([]);
  });

  test("an installed bench.file is judged where it is", () => {
    writeFileSync(join(bench.netDir, "05-other.conflist"), other);
    writeFileSync(join(bench.netDir, "10-ours.conflist"), bench.good());
    writeFileSync(join(bench.netDir, "20-copy.conflist"), bench.good());
    expect(
      bench.findings([join(bench.netDir, "10-ours.conflist")]).map(({ code }) => code),
    ).toEqual(["TR0301", "TR0304"]);
  });

  test("without a name it is ours, not a bench.file that runtimes do not read", () => {
    writeFileSync(join(bench.netDir, "10-ours.conflist.bak"), "{");
    writeFileSync(join(bench.netDir, "20-ours.conflist"), bench.good());
    const { status, stdout } = bench.run([]);
    expect(status).toBe(0);
    expect(stdout).toContain(`valid: ${bench.netDir}/20-ours.conflist will do this`);
    expect(stdout).not.toContain("switch it on");
  });

  test("who has renamed our file once does it again", () => {
    writeFileSync(join(bench.netDir, "10-ours.conflist.cilium_bak"), bench.good());
    writeFileSync(bench.file, bench.good());
    const [finding] = bench.findings();
    expect(finding).toMatchObject({ code: "TR0418", severity: "warning" });
    expect(finding?.remedy).toContain("cni-exclusive");
    expect(bench.run().status).toBe(0);
  });

  test("a directory without any conflist", () => {
    expect(bench.run([])).toMatchObject({ status: 2, stdout: "" });
    expect(bench.run([]).stderr).toContain(`no conflist in ${bench.netDir}`);
  });

  test("no directory yet", () => {
    writeFileSync(bench.file, bench.good());
    const { status, stdout } = bench.run([bench.file, "--net-dir", join(bench.dir, "none")]);
    expect(status).toBe(0);
    expect(stdout).toContain(`there is no ${bench.dir}/none yet`);
  });
});

test("stdin", () => {
  const { status, stdout } = bench.run(["-"], { input: bench.good().replace("0x20/0xff", "0x20") });
  expect(status).toBe(0);
  expect(stdout).toContain("TR0412 stdin, line 13");
});

test("stdin with a fault that a command could mend: from a pipe it is said, from a file it is that file's", () => {
  const wrong = bench.good().replace('"ptp"', '"ptpp"');
  const piped = bench.run(["-"], { input: wrong });
  const words = (text: string): string => text.replaceAll(/(?: \\)?\s+/g, " ");
  expect([piped.status, words(piped.stdout)]).toEqual([
    1,
    expect.stringMatching(/fix: Change it where it comes from, as sed 's\/"ptpp"\/"ptp"\/' does/),
  ]);
  writeFileSync(bench.file, wrong);
  const { status, stdout } = bench.run(["-"], { from: bench.file });
  expect([status, words(stdout)]).toEqual([
    1,
    expect.stringContaining(`fix: sed -i 's/"ptpp"/"ptp"/' ${bench.file} `),
  ]);
});

test("a file that is not there", () => {
  expect(bench.run()).toMatchObject({ status: 2, stdout: "" });
  expect(bench.run().stderr).toContain(`${bench.file} cannot be read: ENOENT`);
});

test("marks that somebody on the node has are a collision", () => {
  writeFileSync(bench.file, bench.good().replace('"namespaces"', '"table": 4711, "namespaces"'));
  const before = "ip rule add fwmark 0x10/0xff lookup 99";
  const collision = bench.findings([bench.file], before).find(({ code }) => code === "TR0201");
  expect(collision).toMatchObject({ category: "routes", subject: "tenant-a" });
  expect(bench.run([bench.file], { before }).status).toBe(1);
});

test("the API server is asked with --api alone", () => {
  writeFileSync(bench.file, bench.good().replace('"dataDir"', '"dataDir"'));
  expect(bench.run().status).toBe(0);
  const { status, stdout } = bench.run([bench.file, "--api"]);
  expect(status).toBe(1);
  expect(stdout).toContain("TR0511 https://192.0.2.1:6443");
});
