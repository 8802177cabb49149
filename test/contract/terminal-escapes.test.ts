/**
 * What strangers wrote, on its way to a terminal: delegates' errors, comments of rules,
 * arguments.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";
import { iptablesTest } from "../helpers/mode";

const world = useWorld();
const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}`;
const conflist = (): string => join(world.dir, "10-tr.conflist");

beforeEach(() => {
  world.script({ ADD: { stdout: RESULT }, CHECK: { exit: 0 } });
  const { cniVersion, name, ...plugin } = scripted({
    dataDir: world.dataDir,
    logFile: world.logFile,
  });
  writeFileSync(conflist(), JSON.stringify({ cniVersion, name, plugins: [plugin] }));
});

/** Sets the window's title, clears the screen, hides what follows, writes backwards, draws over the line. */
const HOSTILE = "\u001b]0;owned\u0007\u009b2J\u001b[8m\u202eevil\u2066\u2028\rfine";

const ownError = (): string =>
  JSON.stringify({ code: 123, msg: `first ${HOSTILE}\n\tsecond`, details: HOSTILE });
const SHOWN = "\\u001b]0;owned\\u0007\\u009b2J\\u001b[8m\\u202eevil\\u2066\\u2028\\u000dfine";
const ACTS = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

test("a delegate's error through ADD has nothing that acts on a terminal, line breaks stay", async () => {
  world.script({ ADD: { stdout: ownError(), exit: 1 } });
  const outcome = await world.run("ADD", { conf: scripted() });
  const { msg, details } = expectError(outcome, 123);
  expect(msg).toContain(`first ${SHOWN}\n\tsecond`);
  expect(details).toBe(SHOWN);
  expect(`${outcome.stdout}${outcome.stderr}${world.log()}`).not.toMatch(ACTS);
});

const check = (...args: string[]) =>
  world.run(undefined, { argv: ["check", "--conf", conflist(), ...args] });

test("a delegate's error through wrapper check has nothing that acts on a terminal, as a table and as JSON", async () => {
  expectOk(await world.run("ADD", { conf: scripted() }));
  world.script({ CHECK: { stdout: ownError(), exit: 1 } });
  const table = await check();
  expect(table.exit).toBe(1);
  expect(table.stdout).toContain(`first ${SHOWN}`);
  expect(table.stdout + table.stderr).not.toMatch(ACTS);
  const json = await check("-o", "json");
  expect(json.stdout).not.toMatch(ACTS);
  expect(JSON.stringify(json.json)).toContain(JSON.stringify(HOSTILE).slice(1, -1));
});

iptablesTest(
  "the label in a rule's comment, which anybody may have written, is escaped",
  async () => {
    world.firewall.tables(
      "nft",
      "iptables",
      `-A PREROUTING -s 10.9.9.9/32 -m comment --comment "tenant-routing $(printf 'a/\\033[2J\\233b') 00000000-0123456789abcdef01234567" -j MARK --set-xmark 0x1/0xff`,
    );
    const { exit, stdout, stderr } = await check();
    expect([exit, stdout]).toEqual([
      1,
      expect.stringContaining("rule without attachment: a/\\u001b[2J"),
    ]);
    expect(stdout + stderr).not.toMatch(ACTS);
  },
);

test("arguments of the command line are escaped", async () => {
  for (const argv of [
    [HOSTILE],
    ["check", "--conf", HOSTILE],
    ["check", "-o", HOSTILE],
    ["lab", HOSTILE],
    ["routes", HOSTILE],
  ]) {
    const { exit, stdout, stderr } = await world.run(undefined, { argv });
    expect(exit).toBe(2);
    expect(stderr).toContain("\\u001b]0;owned");
    expect(stdout + stderr).not.toMatch(ACTS);
  }
});

test("a warning of ours on stderr is escaped; what the delegate itself says there is passed on as it is", async () => {
  world.script({ ADD: { stdout: RESULT, stderr: "\u001b[31mred\u001b[0m\n" } });
  const logFile = join(world.dir, "\u202egol");
  mkdirSync(logFile);
  const { stderr } = expectOk(await world.run("ADD", { conf: scripted({ logFile }) }));
  expect(stderr).toContain("/\\u202egol");
  expect(stderr.match(/.*[\u001b\u202e].*/g)).toEqual(["\u001b[31mred\u001b[0m"]);
});
