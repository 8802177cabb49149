/** Catalogue J6, J10: files of ours that somebody else has prepared. */
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();
const elsewhere = (): string => join(world.dir, "elsewhere");
const record = (): string =>
  join(
    world.dataDir,
    readdirSync(world.dataDir).find((name) => name.endsWith(".json")) ?? "no record",
  );

test("J6 the data directory is made 0700 and its files 0600, whatever the umask", async () => {
  expectOk(await world.run("ADD", { conf: conf(), wrap: "umask 0" }));
  expect(statSync(world.dataDir).mode & 0o777).toBe(0o700);
  for (const name of world.records())
    expect([name, statSync(join(world.dataDir, name)).mode & 0o077]).toEqual([name, 0]);
  expect(statSync(world.logFile).mode & 0o077).toBe(0);
});

const DIRECTORIES: readonly (readonly [string, () => void])[] = [
  [
    "a symbolic link",
    () => {
      mkdirSync(elsewhere(), { mode: 0o700 });
      symlinkSync(elsewhere(), world.dataDir);
    },
  ],
  ["a file", () => writeFileSync(world.dataDir, "")],
  [
    "writable for its group",
    () => {
      mkdirSync(world.dataDir);
      chmodSync(world.dataDir, 0o770);
    },
  ],
  [
    "writable for all",
    () => {
      mkdirSync(world.dataDir);
      chmodSync(world.dataDir, 0o1777);
    },
  ],
  [
    "another user's",
    () => {
      mkdirSync(world.dataDir, { mode: 0o700 });
      chownSync(world.dataDir, 65534, 65534);
    },
  ],
];

test.each(DIRECTORIES)(
  "J6 the data directory is %s: refused before the delegate runs",
  async (_, prepare) => {
    prepare();
    const outcome = await world.run("ADD", { conf: conf() });
    expectError(outcome, "journal", world.dataDir);
    expect(outcome.calls).toEqual([]);
    expect(world.firewall.ours()).toEqual([]);
  },
);

test("J6 DEL with a data directory that cannot be trusted: the rules go and the delegate's DEL runs, an error, the next DEL finishes", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  chmodSync(world.dataDir, 0o777);
  const outcome = await world.run("DEL", { conf: conf(), after: added });
  const { details } = expectError(outcome, "journal", world.dataDir);
  expect(details).toBeUndefined();
  expect(verbs(outcome)).toEqual(["DEL"]);
  // The address is free by now: it must not keep the tenant's mark until somebody repairs the directory.
  expect(world.firewall.ours()).toEqual([]);
  chmodSync(world.dataDir, 0o700);
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

const FILES: readonly (readonly [string, (path: string) => void])[] = [
  [
    "a symbolic link",
    (path) => {
      writeFileSync(elsewhere(), "precious", { mode: 0o600 });
      symlinkSync(elsewhere(), path);
    },
  ],
  [
    "a hard link",
    (path) => {
      writeFileSync(elsewhere(), "precious", { mode: 0o600 });
      linkSync(elsewhere(), path);
    },
  ],
  [
    "another user's",
    (path) => {
      writeFileSync(path, "");
      chownSync(path, 65534, 65534);
    },
  ],
  ["a directory", (path) => mkdirSync(path)],
  ["a FIFO", (path) => void sh("mkfifo", path)],
];

test.each(FILES.slice(0, 1).concat(FILES.slice(2, 3), FILES.slice(4)))(
  "J6 the locks' directory is %s: refused, nothing is written through it",
  async (_, prepare) => {
    mkdirSync(world.dataDir, { mode: 0o700 });
    prepare(join(world.dataDir, "queue"));
    const outcome = await world.run("ADD", { conf: conf() });
    expectError(outcome, "journal", "lock");
    expect(outcome.calls).toEqual([]);
    expect(world.firewall.ours()).toEqual([]);
    if (world.records().includes("elsewhere"))
      expect(readFileSync(elsewhere(), "utf8")).toBe("precious");
  },
);

test.each(FILES)(
  "J6 a record is %s: CHECK says so, DEL moves it out of the way, and both follow no link",
  async (_, prepare) => {
    const added = expectOk(await world.run("ADD", { conf: conf() }));
    const path = record();
    rmSync(path);
    prepare(path);
    expectError(await world.run("CHECK", { conf: conf(), after: added }), "journal", path);
    const deleted = expectOk(await world.run("DEL", { conf: conf(), after: added }));
    expect(deleted.stderr).toContain(path);
    expect(verbs(deleted)).toEqual(["DEL"]);
    expect(world.firewall.ours()).toEqual([]);
    const [aside = ""] = world.records().filter((name) => name.startsWith("unusable-"));
    expect(deleted.stderr).toContain(join(world.dataDir, aside));
    if (world.records().includes("elsewhere"))
      expect(readFileSync(elsewhere(), "utf8")).toBe("precious");
    rmSync(join(world.dataDir, aside), { recursive: true });
    expectOk(await world.run("DEL", { conf: conf(), after: added }));
    expectOk(await world.run("ADD", { conf: conf(), id: added.id }));
  },
);

const LOGS: readonly (readonly [string, () => void])[] = [
  [
    "a symbolic link",
    () => {
      writeFileSync(elsewhere(), "precious\n");
      symlinkSync(elsewhere(), world.logFile);
    },
  ],
  [
    "a hard link",
    () => {
      writeFileSync(elsewhere(), "precious\n");
      linkSync(elsewhere(), world.logFile);
    },
  ],
  ["a directory", () => mkdirSync(world.logFile)],
  ["a FIFO that nobody reads", () => void sh("mkfifo", world.logFile)],
  ["a device", () => void sh("mknod", world.logFile, "c", "1", "7")],
];

test.each(LOGS)("J10 the log file is %s: the pod starts, stderr says so", async (kind, prepare) => {
  prepare();
  const outcome = expectOk(await world.run("ADD", { conf: conf() }));
  expect(outcome.stderr).toContain(world.logFile);
  expect(world.firewall.ours()).toHaveLength(2);
  if (kind.endsWith("link")) expect(readFileSync(elsewhere(), "utf8")).toBe("precious\n");
});

test("J10 the log's directory cannot be made: the pod starts, stderr says so", async () => {
  writeFileSync(elsewhere(), "");
  const outcome = expectOk(
    await world.run("ADD", { conf: conf({ logFile: join(elsewhere(), "x/wrapper.log") }) }),
  );
  expect(outcome.stderr).toContain("wrapper.log");
});

test("J10 a rotated log: the next line goes into a new file; a huge one is only appended to", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  renameSync(world.logFile, `${world.logFile}.1`);
  expectOk(await world.run("CHECK", { conf: conf(), after: added }));
  expect(world.log().trim().split("\n")).toHaveLength(1);
  sh("truncate", "-s", "8G", world.logFile);
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(statSync(world.logFile).size).toBeGreaterThan(8 * 2 ** 30);
  rmSync(world.logFile);
});

test("J10 one line of JSON per operation, with what an operator looks for", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  const lines = world
    .log()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toHaveLength(2);
  const about = {
    containerId: added.id,
    ifname: "eth0",
    pod: "team-a/web-0",
    mark: "0x10/0xff",
    addresses: ["10.77.0.5"],
    outcome: "ok",
  };
  expect(lines[0]).toMatchObject({
    level: "info",
    ...about,
    source: "pod annotation tenant.routing/fwmark",
  });
  expect(lines[0]?.["durationMs"]).toBeGreaterThan(0);
  expect(lines[1]).toMatchObject(about);
});
