/** The log file: what is in it, and what happens when it cannot be written. */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectOk } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();
const elsewhere = (): string => join(world.dir, "elsewhere");
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

test.each(LOGS)(
  "with a log file that is %s the pod starts, and stderr says so",
  async (kind, prepare) => {
    prepare();
    const outcome = expectOk(await world.run("ADD", { conf: conf() }));
    expect(outcome.stderr).toContain(world.logFile);
    expect(world.firewall.ours()).toHaveLength(2);
    if (kind.endsWith("link")) expect(readFileSync(elsewhere(), "utf8")).toBe("precious\n");
  },
);

test("when the log's directory cannot be made the pod starts, and stderr says so", async () => {
  writeFileSync(elsewhere(), "");
  const outcome = expectOk(
    await world.run("ADD", { conf: conf({ logFile: join(elsewhere(), "x/wrapper.log") }) }),
  );
  expect(outcome.stderr).toContain("wrapper.log");
});

test("after a rotation the next line goes into a new file; a huge file is only appended to", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  renameSync(world.logFile, `${world.logFile}.1`);
  expectOk(await world.run("CHECK", { conf: conf(), after: added }));
  expect(world.log().trim().split("\n")).toHaveLength(1);
  sh("truncate", "-s", "8G", world.logFile);
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(statSync(world.logFile).size).toBeGreaterThan(8 * 2 ** 30);
  rmSync(world.logFile);
});

test("each operation is one line of JSON with what an operator looks for", async () => {
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
