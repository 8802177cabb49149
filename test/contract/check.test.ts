/** CHECK says what is wrong, and changes nothing. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { annotations, conf, marked, scripted } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs, type Outcome } from "../helpers/outcome";
import { PLACES, putIn, type Variant } from "../helpers/firewall";
import { iptablesTest } from "../helpers/mode";

const world = useWorld();
const body = (line: string): string => line.replace("-A PREROUTING ", "");

describe.each(PLACES)("on %s", (place) => {
  const given = conf(putIn(place));
  const edit = (command: string): void =>
    world.firewall.tables(place as Variant, "iptables", command);
  const rule = (n: number): string => world.firewall.ours()[n] ?? "";
  const add = async (): Promise<Outcome> => expectOk(await world.run("ADD", { conf: given }));
  const check = (after: Outcome): Promise<Outcome> => world.run("CHECK", { conf: given, after });

  test("CHECK right after ADD succeeds, as often as it is asked", async () => {
    const added = await add();
    for (let n = 0; n < 3; n++) expect(verbs(expectOk(await check(added)))).toEqual(["CHECK"]);
  });

  const DAMAGE: readonly (readonly [string, () => void, RegExp])[] = [
    [
      "the mark rule is missing",
      () => edit("-D PREROUTING 1"),
      /mark rule for 10\.77\.0\.5 is missing/,
    ],
    [
      "the reply rule is missing",
      () => edit("-D PREROUTING 2"),
      /reply rule for 10\.77\.0\.5 is missing/,
    ],
    ["the chain is empty", () => edit("-F PREROUTING"), /missing.*missing/],
    [
      "the mark is wrong",
      () => edit(`-R PREROUTING 1 ${body(rule(0)).replace("0x10/0xff", "0x11/0xff")}`),
      /0x11\/0xff.*0x10\/0xff/,
    ],
    [
      "the mask is wrong",
      () => edit(`-R PREROUTING 1 ${body(rule(0)).replace("0x10/0xff", "0x10/0xf0")}`),
      /0x10\/0xf0.*0x10\/0xff/,
    ],
    ["the rule is there twice", () => edit(rule(0)), /2 times/],
    [
      "it has another target",
      () => edit(`-R PREROUTING 1 ${body(rule(0)).replace(/-j .*/, "-j ACCEPT")}`),
      /10\.77\.0\.5/,
    ],
    [
      "it matches another address",
      () => edit(`-R PREROUTING 1 ${body(rule(0)).replace("10.77.0.5", "10.77.0.6")}`),
      /missing.*unexpected/,
    ],
  ];

  // What can be wrong with an element of nftables: test/contract/backend.test.ts.
  iptablesTest.each(DAMAGE)(
    "when %s CHECK fails with code 111 that names it",
    async (_, damage, pattern) => {
      const added = await add();
      damage();
      expectError(await check(added), "ruleDrift", pattern, "team-a/web-0");
    },
  );

  test("CHECK names the other attachment when the address has its rule now", async () => {
    const added = await add();
    expectOk(await world.run("ADD", { conf: conf(putIn(place), marked("0x20/0xff")) }));
    expectError(await check(added), "ruleDrift", /missing.*another attachment/);
  });
});

const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"}]}`;

test("CHECK of an attachment without a record is code 114 that names the container", async () => {
  const id = world.newId();
  expectError(
    await world.run("CHECK", { conf: conf({ prevResult: JSON.parse(RESULT) as object }), id }),
    "attachmentUnknown",
    id,
  );
});

test.each([{ prevResult: undefined }, { prevResult: null }])(
  "CHECK with %j is code 7",
  async (change) => {
    expectOk(await world.run("ADD", { conf: conf() }));
    const outcome = await world.run("CHECK", { conf: conf(change) });
    expectError(outcome, "invalidConfig", "prevResult");
  },
);

test("the error of the delegate's CHECK is passed on", async () => {
  world.script({
    ADD: { stdout: RESULT },
    CHECK: { stdout: `{"code":123,"msg":"veth is gone"}`, exit: 1 },
  });
  const added = expectOk(await world.run("ADD", { conf: scripted() }));
  expectError(
    await world.run("CHECK", { conf: scripted(), after: added }),
    123,
    "veth is gone",
    "scripted",
  );
});

test("a result that a later plugin changed passes CHECK", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const prevResult = {
    ...added.json,
    interfaces: [
      { name: "eth0", mac: "02:00:00:00:00:01", sandbox: world.podNetns },
      { name: "tap0" },
    ],
    ips: [
      { address: "10.77.0.5/24", interface: 0 },
      { address: "169.254.1.1/32", interface: 1 },
    ],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  expectOk(await world.run("CHECK", { conf: conf({ prevResult }) }));
});

test("CHECK decides from the journal when the API server is out of reach and the annotation has changed", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const later = conf({ kubeconfig: "/nowhere/kubelet.conf" }, marked("0x99"));
  expectOk(await world.run("CHECK", { conf: later, after: added }));
});

test("a pod without annotation passes CHECK, but not with a rule of ours on its address", async () => {
  const plain = conf(annotations({}));
  const added = expectOk(await world.run("ADD", { conf: plain }));
  expectOk(await world.run("CHECK", { conf: plain, after: added }));
});

function snapshot(): { rules: readonly string[]; files: readonly string[] } {
  const files = readdirSync(world.dataDir).map((name) => {
    const path = join(world.dataDir, name);
    return `${name} ${statSync(path).mtimeMs} ${statSync(path).isFile() ? readFileSync(path, "utf8") : ""}`;
  });
  return { rules: world.firewall.prerouting(), files };
}

test("CHECK prints nothing on stdout and modifies nothing", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  const before = snapshot();
  expect(expectOk(await world.run("CHECK", { conf: conf(), after: added })).stdout).toBe("");
  world.firewall.flush();
  expectError(await world.run("CHECK", { conf: conf(), after: added }), "ruleDrift");
  expect(world.firewall.ours()).toEqual([]);
  expect(snapshot().files).toEqual(before.files);
});
