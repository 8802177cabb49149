/** Which annotation values are a mark, and what becomes of hostile ones. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { KEY, conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";
import { iptablesTest } from "../helpers/mode";

const world = useWorld();
const GOOD: readonly (readonly [string, string, object])[] = [
  ["0x10", "0x10/0xffffffff", {}],
  ["16", "0x10/0xffffffff", {}],
  ["0x10/0xff", "0x10/0xff", {}],
  ["16/255", "0x10/0xff", {}],
  ["0XaB/0xFF", "0xab/0xff", {}],
  ["4294967295", "0xffffffff/0xffffffff", {}],
  ["0x80000000/0x80000000", "0x80000000/0x80000000", {}],
  ["0x10", "0x10/0xff", { mask: "0xff" }],
  ["0x10/0xf0", "0x10/0xf0", { mask: 255 }],
];
const xmarks = (): readonly string[] =>
  world.firewall.ours().flatMap((line) => /--set-xmark (\S+)/.exec(line)?.[1] ?? []);

test.each(GOOD)("%s is the mark %s (config %j)", async (value, expected, change) => {
  expectOk(
    await world.run("ADD", {
      conf: conf(marked(value), { markReplies: true }, change as Record<string, unknown>),
    }),
  );
  expect(xmarks()).toEqual([expected]);
});

const BAD = [
  "010",
  " 0x10",
  "0x10 ",
  "1e3",
  "0b11",
  "-1",
  "+1",
  "0x100000000",
  "4294967296",
  "16abc",
  "0x",
  "0x10;reboot",
  "0",
  "0x0",
  "0x10/0",
  "0x10/",
  "/0xff",
  "0x10/0xff/0xff",
  "0x110/0xff",
  "0x10,0x20",
  "1_0",
  "１６",
  "0x10\n",
  "tenant-a",
  "$(reboot)",
  "\u001b[31m16",
];

test.each(BAD)(
  "%j is no mark and is refused with code 7, escaped, before anything is made",
  async (value) => {
    const outcome = await world.run("ADD", { conf: conf(marked(value)) });
    const body = expectError(outcome, "invalidConfig", KEY, "team-a/web-0");
    expect(body.msg).toMatch(/^[\x20-\x7e]+$/);
    expect(outcome.calls).toEqual([]);
    expect(world.leftovers()).toEqual([]);
  },
);

test("a megabyte of annotation is refused with code 7 and truncated", async () => {
  const body = expectError(
    await world.run("ADD", { conf: conf(marked("9".repeat(1024 * 1024))) }),
    "invalidConfig",
  );
  expect(JSON.stringify(body).length).toBeLessThan(2048);
});

const HOSTILE = [
  "0x10\n-A PREROUTING -j ACCEPT",
  "0x10 -j ACCEPT",
  "\u001b[2J\u001b[31mred",
  "%s%n%x",
  `"'\`$(reboot)\``,
  "0x10;reboot",
  "0x10|sh",
  "0x10\0",
  "--set-mark 1",
  "\u202e0x10",
  '\r\n{"level":"info"}',
  "../../etc/passwd",
  "0x10\u2028",
];

/** Notes what the iptables programs were given, and hands it on to them. */
const listening = (): string =>
  world.toolbox.around({
    before: `cat >'${world.dir}/input'; echo "$name $*" >>'${world.dir}/seen'; cat '${world.dir}/input' >>'${world.dir}/seen'; exec <'${world.dir}/input'`,
  });

const seen = (): string =>
  existsSync(join(world.dir, "seen")) ? readFileSync(join(world.dir, "seen"), "utf8") : "";

test.each(HOSTILE)(
  "the hostile annotation %j is refused, never executed, and one escaped log line",
  async (value) => {
    const outcome = await world.run("ADD", { conf: conf(marked(value)), wrap: listening() });
    const body = expectError(outcome, "invalidConfig", KEY);
    expect(`${body.msg}${body.details ?? ""}`).toMatch(/^[\x20-\x7e]*$/);
    expect(outcome.calls).toEqual([]);
    expect(seen()).toBe("");
    const lines = world
      .log()
      .split("\n")
      .filter((line) => line !== "");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "error" });
  },
);

iptablesTest(
  "only the numbers of a tenant reach the iptables programs, not its name or annotation",
  async () => {
    const tenants = { "x.ACCEPT--set-mark": { fwmark: "16/255" } };
    expectOk(
      await world.run("ADD", {
        conf: conf({ tenants }, marked("x.ACCEPT--set-mark")),
        wrap: listening(),
      }),
    );
    expect(seen()).toContain("--set-xmark 0x10/0xff");
    expect(seen()).not.toContain("ACCEPT--set-mark");
  },
);
