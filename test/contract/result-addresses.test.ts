/** Addresses in a delegate's result that no rule may be written for. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, verbs } from "../helpers/outcome";

const world = useWorld();
const ADDRESSES: readonly unknown[] = [
  "example.com/24",
  "example.com",
  "0.0.0.0/0",
  "0.0.0.0/32",
  "10.0.0.5/24; x",
  "10.0.0.5",
  "10.0.0.5/33",
  "10.0.0.5/024",
  "10.0.0.5/-1",
  "10.0.0.05/24",
  "0x0a000005/24",
  "10.5/24",
  "fe80::1%eth0/64",
  "::ffff:10.0.0.1/128",
  "::/0",
  "::1/128",
  "127.0.0.1/8",
  "224.0.0.1/24",
  "255.255.255.255/32",
  "ff02::1/64",
  "10.0.0.5/24\n-j ACCEPT",
  " 10.0.0.5/24",
  "10.0.0.5/24/24",
  "",
  7,
  null,
  {},
  ["10.0.0.5/24"],
];
const result = (ips: unknown): string => JSON.stringify({ cniVersion: "1.0.0", ips });

/** Notes what the iptables programs were given, and hands it on to them. */
const listening = (): string =>
  world.toolbox.around({
    before: `cat >'${world.dir}/input'; echo "$name $*" >>'${world.dir}/seen'; cat '${world.dir}/input' >>'${world.dir}/seen'; exec <'${world.dir}/input'`,
  });

const seen = (): string =>
  existsSync(join(world.dir, "seen")) ? readFileSync(join(world.dir, "seen"), "utf8") : "";

test.each(ADDRESSES)(
  "the delegate's address %j is an error that is rolled back, and nothing is executed",
  async (address) => {
    world.script({ ADD: { stdout: result([{ address }]) } });
    const outcome = await world.run("ADD", { conf: scripted(), wrap: listening() });
    expectError(outcome, "delegateResult", "scripted");
    expect(verbs(outcome)).toEqual(["ADD", "DEL"]);
    expect(seen()).not.toContain("-A PREROUTING");
    expect(world.leftovers()).toEqual([]);
  },
);

test("ten thousand addresses are an error that is rolled back", async () => {
  const ips = Array.from({ length: 10_000 }, (_, n) => ({
    address: `10.${n >> 8}.${n & 0xff}.1/8`,
  }));
  world.script({ ADD: { stdout: result(ips) } });
  expectError(await world.run("ADD", { conf: scripted() }), "delegateResult", "10000");
  expect(world.leftovers()).toEqual([]);
});
