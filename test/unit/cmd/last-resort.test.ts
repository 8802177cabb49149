/** Real processes whose main is broken in a way that no main of ours is known to be. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(__dirname, "../../..");
const CONF = JSON.stringify({ cniVersion: "0.4.0", name: "net", type: "x" });

const MAINS = {
  hangs: `(io) => (io.readStdin(), new Promise(() => undefined))`,
  "hangs before it reads": `() => new Promise(() => undefined)`,
  throws: `(io) => { io.readStdin(); setTimeout(() => { throw new Error("out of nowhere"); }, 1); return new Promise(() => undefined); }`,
  rejects: `(io) => { io.readStdin(); void Promise.reject(new Error("out of nowhere")); return new Promise((r) => setTimeout(r, 60000)); }`,
  fails: `async (io) => { io.readStdin(); throw new Error("out of nowhere"); }`,
  answers: `async (io) => { io.stdout("{}\\n"); setTimeout(() => { throw new Error("too late"); }, 1); return new Promise(() => undefined); }`,
  works: `async (io) => { io.stdout("{}\\n"); setInterval(() => undefined, 1000); return 3; }`,
} as const;

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "last-resort-"));
  const source = `
    import { processIo } from "./cmd/io";
    import { runToTheEnd } from "./cmd/last-resort";
    const mains = { ${Object.entries(MAINS)
      .map(([name, text]) => `${JSON.stringify(name)}: ${text}`)
      .join(", ")} };
    runToTheEnd(processIo(), mains[process.env.MAIN]);
  `;
  const bundle = `await (await import("esbuild")).build({
    stdin: { contents: process.argv[1], resolveDir: "." }, outfile: process.argv[2], bundle: true, platform: "node", format: "cjs",
  });`;
  execFileSync(
    process.execPath,
    ["--input-type=module", "-e", bundle, source, join(dir, "main.cjs")],
    { cwd: ROOT, stdio: "pipe" },
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function run(main: keyof typeof MAINS, args: readonly string[] = [], verb = "ADD") {
  const env = { MAIN: main, ...(args.length === 0 ? { CNI_COMMAND: verb } : {}) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dir, "main.cjs"), ...args], {
    env,
    input: CONF,
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

test("a plugin that waits for nothing answers with an error, in the version of its configuration", () => {
  const { status, stdout } = run("hangs");
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    cniVersion: "0.4.0",
    code: 199,
    msg: expect.stringContaining("ADD waits for something that never happens"),
  });
});

test("the newest version where the configuration was not read", () => {
  const { status, stdout } = run("hangs before it reads", [], "STATUS");
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    cniVersion: "1.1.0",
    code: 199,
    msg: expect.stringContaining("STATUS"),
  });
});

test.each(["throws", "rejects", "fails"] as const)(
  "a plugin whose main %s outside of every try answers with an error",
  (main) => {
    const { status, stdout } = run(main);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      cniVersion: "0.4.0",
      code: 199,
      msg: expect.stringContaining("out of nowhere"),
    });
  },
);

test("there is never a second answer", () => {
  expect(run("answers")).toMatchObject({ status: 1, stdout: "{}\n" });
});

test.each(["hangs", "throws", "rejects", "fails"] as const)(
  "a command whose main %s says so on stderr: status 2",
  (main) => {
    const { status, stdout, stderr } = run(main, ["check"]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^wrapper: internal error: (check waits for|out of nowhere)/);
  },
);

test("a main that ends is not waited for any longer", () => {
  expect(run("works")).toEqual({ status: 3, stdout: "{}\n", stderr: "" });
});
