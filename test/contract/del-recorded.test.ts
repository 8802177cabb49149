/** DEL begins with the rules that its record says, and finds whatever is another way than it says. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf, marked, scripted, type Conf } from "../helpers/conf";
import { KEPT, useWorld } from "../helpers/harness";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import { PLACES, putIn } from "../helpers/firewall";
import { iptablesTest } from "../helpers/mode";

const world = useWorld();
const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"},{"address":"fd00:10::5/64"}]}`;

/** Changes the only record. */
function edit(change: (record: Record<string, unknown>) => void): void {
  const [name = "", ...others] = world.records().filter((each) => !KEPT.test(each));
  expect(others).toEqual([]);
  const path = join(world.dataDir, name);
  const record = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(record);
  writeFileSync(path, JSON.stringify(record));
}

describe.each(PLACES)("on %s", (place) => {
  const on = (...changes: Conf[]): Conf => conf(putIn(place), ...changes);
  const dual = on({ delegate: { type: "dual-stack" } });
  const add = async (given: Conf = dual): Promise<Outcome> =>
    expectOk(await world.run("ADD", { conf: given }));
  const del = async (after: Outcome, given: Conf = dual): Promise<void> => {
    expectOk(await world.run("DEL", { conf: given, after }));
    expect(world.leftovers()).toEqual([]);
  };
  const toolOf = (rule: string): "iptables" | "ip6tables" =>
    rule.includes("/128") ? "ip6tables" : "iptables";
  /** Of others, where marks are in nftables. */
  const variant = place === "nftables" ? "nft" : place;
  const tables = (rule: string): void => world.firewall.tables(variant, toolOf(rule), rule);

  iptablesTest("rules that somebody has doubled go, all of them", async () => {
    const added = await add();
    for (const rule of [...world.firewall.ours(), ...world.firewall.ours()]) tables(rule);
    expect(world.firewall.ours()).toHaveLength(12);
    await del(added);
  });

  iptablesTest("a rule that somebody has changed goes, in either family", async () => {
    const added = await add();
    for (const rule of world.firewall.ours().filter((each) => !each.includes("REPLY"))) {
      tables(rule.replace("-A", "-D"));
      tables(rule.replace("0x10/0xff", "0x11/0xff"));
    }
    await del(added);
  });

  iptablesTest("when one rule of one family is gone the others go", async () => {
    const added = await add();
    const [rule = ""] = world.firewall.ours().filter((each) => toolOf(each) === "ip6tables");
    tables(rule.replace("-A", "-D"));
    await del(added);
  });

  test("rules of others stay: of a pod with the same mark, and foreign ones on the address", async () => {
    const foreign = "-A PREROUTING -s 10.77.0.5/32 -j MARK --set-xmark 0x10/0xff";
    const other = await add(on());
    const added = await add(on({ delegate: { type: "dual-stack" } }, marked("0x20/0xff")));
    tables(foreign);
    const third = expectOk(await world.run("ADD", { conf: on(), ip: "10.77.0.6/24" }));
    const standing = world.firewall.ours().filter((each) => each.includes("10.77.0.6"));
    expectOk(await world.run("DEL", { conf: dual, after: added }));
    expectOk(await world.run("DEL", { conf: on(), after: other }));
    expect(world.firewall.prerouting()).toEqual(expect.arrayContaining([foreign, ...standing]));
    expect(world.firewall.prerouting()).toHaveLength(3);
    await world.run("DEL", { conf: on(), after: third });
    tables(foreign.replace("-A", "-D"));
  });

  test("a record of a version that did not write everything is enough", async () => {
    const added = await add();
    edit((record) => {
      delete record["markReplies"];
      delete record["pod"];
    });
    await del(added);
  });

  test.each<[string, (record: Record<string, unknown>) => void]>([
    ["another address", (record) => (record["addresses"] = ["10.77.0.99", "fd00:10::99"])],
    ["text for an address", (record) => (record["addresses"] = ["1\n-F PREROUTING", "::\nx"])],
    ["another mark", (record) => (record["mark"] = { value: 3, mask: 255 })],
    ["another pod", (record) => (record["pod"] = { namespace: "x", name: "y" })],
    ["one rule too many", (record) => (record["markReplies"] = true)],
  ])("a record that says %s takes nothing of others, and leaves nothing", async (_name, lie) => {
    const foreign = "-A PREROUTING -s 10.77.0.99/32 -j ACCEPT";
    tables(foreign);
    const added = await add();
    edit(lie);
    expectOk(await world.run("DEL", { conf: dual, after: added }));
    expect([world.leftovers(), world.firewall.prerouting()]).toEqual([[], [foreign]]);
    tables(foreign.replace("-A", "-D"));
  });

  iptablesTest(
    "another program that takes a rule away at the same moment is no trouble",
    async () => {
      const added = await add(on());
      const wrap = world.toolbox.around({
        before: `"\${0%/*}/iptables-${variant}" -w 5 -t mangle -D PREROUTING 1 2>/dev/null; true`,
      });
      expectOk(await world.run("DEL", { conf: on(), after: added, wrap }));
      expect(world.leftovers()).toEqual([]);
    },
  );

  iptablesTest(
    "the delegate, though it may be running, can do nothing before the rules are gone",
    async () => {
      world.script({
        ADD: { stdout: RESULT },
        DEL: {
          run: `{ iptables-${variant}-save; ip6tables-${variant}-save; nft list ruleset; } >"$TR_SCRIPT/seen"`,
        },
      });
      const given = scripted(putIn(place));
      const added = await add(given);
      const dir = join(world.dir, "script");
      // The delegate has the time to do something too early.
      const wrap = world.toolbox.around({ before: `sleep 0.5; ls ${dir} >${dir}/before` });
      expectOk(await world.run("DEL", { conf: given, after: added, wrap }));
      expect(readFileSync(join(world.dir, "script/before"), "utf8")).not.toContain("seen");
      expect(readFileSync(join(world.dir, "script/seen"), "utf8")).not.toContain(
        "tenant-routing team-a/web-0",
      );
      expect(world.leftovers()).toEqual([]);
    },
  );
});

test("rules that cannot be removed: the delegate is told all the same, and the error is the rules'", async () => {
  const given = conf({ iptables: "nft" });
  const added = expectOk(await world.run("ADD", { conf: given }));
  const wrap = world.toolbox.failing("line 9 failed");
  const outcome = await world.run("DEL", { conf: given, after: added, wrap });
  expectError(outcome, "rules", "line 9 failed");
  expect(outcome.calls.map(({ verb }) => verb)).toEqual(["DEL"]);
  expect(world.firewall.ours()).toHaveLength(2);
  expectOk(await world.run("DEL", { conf: given, after: added }));
  expect([world.leftovers(), existsSync(world.dataDir)]).toEqual([[], true]);
});
