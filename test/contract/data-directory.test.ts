/** Files of the data directory that somebody else has prepared. */
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
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

test("the data directory is made 0700 and its files 0600, whatever the umask", async () => {
  expectOk(await world.run("ADD", { conf: conf(), wrap: "umask 0" }));
  expect(statSync(world.dataDir).mode & 0o777).toBe(0o700);
  for (const name of world.records())
    expect([name, statSync(join(world.dataDir, name)).mode & 0o077]).toEqual([name, 0]);
  expect(statSync(world.logFile).mode & 0o077).toBe(0);
});

const elsewhere = (): string => join(world.dir, "elsewhere");
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
  "a data directory that is %s is refused before the delegate runs",
  async (_, prepare) => {
    prepare();
    const outcome = await world.run("ADD", { conf: conf() });
    expectError(outcome, "journal", world.dataDir);
    expect(outcome.calls).toEqual([]);
    expect(world.firewall.ours()).toEqual([]);
  },
);

test("DEL with a data directory that cannot be trusted removes the rules, runs the delegate's DEL and fails, and the next DEL finishes", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  chmodSync(world.dataDir, 0o777);
  const outcome = await world.run("DEL", { conf: conf(), after: added });
  const { details } = expectError(outcome, "journal", world.dataDir);
  expect(details).toBeUndefined();
  expect(verbs(outcome)).toEqual(["DEL"]);
  // The address is free now, so the tenant's mark must not stay on it until somebody repairs the directory.
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
  "a locks' directory that is %s is refused, and nothing is written through it",
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

const record = (): string =>
  join(
    world.dataDir,
    readdirSync(world.dataDir).find((name) => name.endsWith(".json")) ?? "no record",
  );

test.each(FILES)(
  "a record that is %s makes CHECK say so, DEL moves it out of the way, and both follow no link",
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
