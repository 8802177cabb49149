/** A disk that is full or read-only. */
import { conf, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const mounted = (options: string, then = ""): string =>
  `mkdir -m 700 -p '${world.dataDir}'; mount -t tmpfs -o ${options},mode=700 none '${world.dataDir}'; ${then}`;

test.each([
  [/ENOSPC/, () => mounted("size=4k", `head -c 4096 /dev/zero >'${world.dataDir}/filler'`)],
  [/EROFS/, () => mounted("ro")],
])(
  "%s before the intent is an error that names it and the directory, and the delegate has not run",
  async (code, wrap) => {
    const outcome = await world.run("ADD", { conf: conf(), wrap: wrap() });
    expectError(outcome, ["journal", "io"], code, world.dataDir, "team-a/web-0");
    expect(outcome.calls).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  },
);

const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}`;

test("ENOSPC after the rules is an error that takes rules and delegate back", async () => {
  world.script({
    ADD: { run: `head -c 1M /dev/zero >'${world.dataDir}/filler' 2>/dev/null`, stdout: RESULT },
  });
  const outcome = await world.run("ADD", { conf: scripted(), wrap: mounted("size=64k") });
  expectError(outcome, ["journal", "io"], "ENOSPC");
  expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
  expect(world.leftovers()).toEqual([]);
});

test("EROFS at DEL lets the rules and the delegate's part go, and the error names the directory", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const wrap = `mount --bind '${world.dataDir}' '${world.dataDir}'; mount -o remount,ro,bind '${world.dataDir}'`;
  const outcome = await world.run("DEL", { conf: conf(), after: added, wrap });
  expectError(outcome, ["journal", "io"], world.dataDir, /EROFS|Read-only file system/);
  expect(verbs(outcome)).toEqual(["DEL"]);
  expect(world.firewall.ours()).toEqual([]);
  expectOk(await world.run("DEL", { conf: conf(), id: added.id }));
  expect(world.leftovers()).toEqual([]);
});
