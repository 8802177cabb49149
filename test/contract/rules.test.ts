/** The rules of a pod in every place that they can be in: exactly these, and foreign ones untouched. */
import { readFileSync } from "node:fs";
import { annotations, conf, marked, scripted, type Conf } from "../helpers/conf";
import { POD_UID, useWorld } from "../helpers/harness";
import { expectOk } from "../helpers/outcome";
import { PLACES, putIn } from "../helpers/firewall";
import { iptablesTest } from "../helpers/mode";

const world = useWorld();

/** `--set-xmark` and address of each rule of ours, in order. */
function rules(): readonly string[] {
  return world.firewall.ours().map((line) => {
    const [, address] = /-s (\S+)/.exec(line) ?? [];
    const [, mark] = /--set-xmark (\S+)/.exec(line) ?? [];
    return `${address} ${mark}${line.includes("--ctdir REPLY") ? " reply" : ""}`;
  });
}

describe.each(PLACES)("on %s", (place) => {
  const on = (...changes: Conf[]): Conf => conf(putIn(place), ...changes);
  const onScripted = (...changes: Conf[]): Conf => scripted(putIn(place), ...changes);

  test("an address gets its two rules, in this place only", async () => {
    const added = expectOk(await world.run("ADD", { conf: on() }));
    const [mark, reply, ...others] = world.firewall.ours(place);
    expect(others).toEqual([]);
    expect(mark).toMatch(
      /^-A PREROUTING -s 10\.77\.0\.5\/32 -m comment --comment "tenant-routing team-a\/web-0 \S+" -j MARK --set-xmark 0x10\/0xff$/,
    );
    expect(reply).toMatch(
      /^-A PREROUTING -s 10\.77\.0\.5\/32 .*--ctdir REPLY.* -j MARK --set-xmark 0x0\/0xff$/,
    );
    expect(world.firewall.ours()).toHaveLength(2);
    expectOk(await world.run("DEL", { conf: on(), after: added }));
    expect(world.leftovers()).toEqual([]);
  });

  test("markReplies leaves only the first rule", async () => {
    expectOk(await world.run("ADD", { conf: on({ markReplies: true }) }));
    expect(rules()).toEqual(["10.77.0.5/32 0x10/0xff"]);
  });

  test("the rule is for one host, whatever the prefix length of the result", async () => {
    expectOk(await world.run("ADD", { conf: on(), ip: "10.77.3.4/8" }));
    expect(rules()[0]).toBe("10.77.3.4/32 0x10/0xff");
  });

  test("an IPv6 address gets its rules in canonical form, dual stack gets both", async () => {
    const added = expectOk(
      await world.run("ADD", { conf: on({ delegate: { type: "dual-stack" } }) }),
    );
    expect(rules()).toEqual([
      "10.77.0.5/32 0x10/0xff",
      "10.77.0.5/32 0x0/0xff reply",
      "fd00:10::5/128 0x10/0xff",
      "fd00:10::5/128 0x0/0xff reply",
    ]);
    expectOk(
      await world.run("CHECK", { conf: on({ delegate: { type: "dual-stack" } }), after: added }),
    );
    expectOk(
      await world.run("DEL", { conf: on({ delegate: { type: "dual-stack" } }), after: added }),
    );
    expect(world.leftovers()).toEqual([]);
  });

  // nftables writes both families in one transaction.
  iptablesTest(
    "a family that fails takes the other back, with a delegate DEL, and nothing is left",
    async () => {
      const wrap = world.toolbox.around({
        before: `case $name in ip6*) echo 'no ip6' >&2; exit 3 ;; esac`,
      });
      const outcome = await world.run("ADD", {
        conf: on({ delegate: { type: "dual-stack" } }),
        wrap,
      });
      expect(outcome.json).toMatchObject({ code: 110 });
      expect(outcome.calls.map((call) => call.verb)).toEqual(["ADD", "DEL"]);
      expect(world.leftovers()).toEqual([]);
    },
  );

  iptablesTest(
    "each family is one transaction, never a flush, never without waiting for the lock",
    async () => {
      const seen = `${world.dir}/seen`;
      const wrap = world.toolbox.around({ before: `echo "$name $*" >>'${seen}'` });
      expectOk(
        await world.run("ADD", {
          conf: on({ delegate: { type: "dual-stack" } }),
          wrap: `: >'${seen}'\n${wrap}`,
        }),
      );
      const calls = readFileSync(seen, "utf8").trim().split("\n");
      expect(calls.filter((call) => call.startsWith("iptables"))).toHaveLength(1);
      expect(calls.filter((call) => call.startsWith("ip6tables"))).toHaveLength(1);
      for (const call of calls)
        expect(call).toMatch(/(--noflush|-n\b).*(-w|--wait)|(-w|--wait).*(--noflush|-n\b)/);
    },
  );

  const interfaces = (): object[] => [
    { name: "veth1234" },
    { name: "eth0", sandbox: world.podNetns },
    { name: "net1", sandbox: world.podNetns },
    { name: "eth0" },
  ];
  const answer = (ips: object[]): void =>
    world.script({
      ADD: { stdout: JSON.stringify({ cniVersion: "1.0.0", interfaces: interfaces(), ips }) },
    });

  test("only addresses of CNI_IFNAME inside the sandbox count; no index and -1 are its own", async () => {
    answer([
      { address: "10.77.0.1/24", interface: 0 },
      { address: "10.77.0.5/24", interface: 1 },
      { address: "10.77.0.6/24", interface: 2 },
      { address: "10.77.0.7/24", interface: 3 },
      { address: "10.77.0.8/24" },
      { address: "10.77.0.9/24", interface: -1 },
    ]);
    expectOk(await world.run("ADD", { conf: onScripted({ markReplies: true }) }));
    expect(rules().map((rule) => rule.split(" ")[0])).toEqual([
      "10.77.0.5/32",
      "10.77.0.8/32",
      "10.77.0.9/32",
    ]);
  });

  test.each([4, -2, 1.5, "1", {}])(
    "the interface index %j, which the result does not have, is refused and rolled back",
    async (index) => {
      answer([{ address: "10.77.0.5/24", interface: index }]);
      const outcome = await world.run("ADD", { conf: onScripted() });
      expect(outcome.json).toMatchObject({ code: 102 });
      expect(world.leftovers()).toEqual([]);
    },
  );

  test("foreign rules stay as they are, in their order, also on the same address", async () => {
    const foreign = [
      "-A PREROUTING -s 10.77.0.5/32 -j MARK --set-xmark 0x4000/0x4000",
      `-A PREROUTING -m comment --comment "tenant routing, by hand" -j ACCEPT`,
      "-A PREROUTING -p tcp -m tcp --dport 53 -j MARK --set-xmark 0xf00/0xf00",
    ];
    const variant = place === "nftables" ? "nft" : place;
    for (const rule of foreign) world.firewall.tables(variant, "iptables", rule);
    const before = world.firewall.prerouting();
    expect(before).toHaveLength(3);
    const added = expectOk(await world.run("ADD", { conf: on() }));
    expect(world.firewall.prerouting().filter((rule) => !rule.includes("team-a/web-0"))).toEqual(
      before,
    );
    expectOk(await world.run("CHECK", { conf: on(), after: added }));
    expectOk(await world.run("DEL", { conf: on(), after: added }));
    expect(world.firewall.prerouting()).toEqual(before);
  });

  test("ADD, DEL and ADD again of the same container end with exactly one pair of rules", async () => {
    const added = expectOk(await world.run("ADD", { conf: on() }));
    expectOk(await world.run("DEL", { conf: on(), after: added }));
    expectOk(await world.run("ADD", { conf: on(), id: added.id }));
    expect(rules()).toEqual(["10.77.0.5/32 0x10/0xff", "10.77.0.5/32 0x0/0xff reply"]);
  });

  test("a rule of ours that exists without a record is not doubled by an ADD", async () => {
    const added = expectOk(await world.run("ADD", { conf: on() }));
    const wrap = `rm -f '${world.dataDir}'/*.json '${world.dir}'/state/*`;
    expectOk(await world.run("ADD", { conf: on(), id: added.id, wrap }));
    expect(rules()).toEqual(["10.77.0.5/32 0x10/0xff", "10.77.0.5/32 0x0/0xff reply"]);
  });

  test("a reused address has the new pod's mark only, whoever had it before", async () => {
    const stale = expectOk(await world.run("ADD", { conf: on() }));
    const added = expectOk(await world.run("ADD", { conf: on(marked("0x20/0xff")) }));
    expect(rules()).toEqual(["10.77.0.5/32 0x20/0xff", "10.77.0.5/32 0x0/0xff reply"]);
    expectOk(await world.run("CHECK", { conf: on(), after: added }));
    expectOk(await world.run("DEL", { conf: on(), after: stale }));
    expect(rules()).toHaveLength(2);
  });

  test("a reused address passes no mark on to a pod without a tenant", async () => {
    expectOk(await world.run("ADD", { conf: on() }));
    expectOk(await world.run("ADD", { conf: on(annotations({})) }));
    expect(rules()).toEqual([]);
  });

  test("only the bits of the mask are written", async () => {
    for (const [ip, mark] of [
      ["10.77.0.5/24", "0x10/0xf0"],
      ["10.77.0.6/24", "0x1000/0x1000"],
    ] as const) {
      expectOk(await world.run("ADD", { conf: on(marked(mark)), ip }));
    }
    expect(rules()).toEqual([
      "10.77.0.5/32 0x10/0xf0",
      "10.77.0.5/32 0x0/0xf0 reply",
      "10.77.0.6/32 0x1000/0x1000",
      "10.77.0.6/32 0x0/0x1000 reply",
    ]);
  });

  test("a missing rule is no error for DEL, a tool that fails is one", async () => {
    const added = expectOk(await world.run("ADD", { conf: on() }));
    const wrap = world.toolbox.failing("Permission denied (you must be root)");
    const failed = await world.run("DEL", { conf: on(), after: added, wrap });
    expect(failed.json).toMatchObject({ code: 110 });
    world.firewall.flush();
    expectOk(await world.run("DEL", { conf: on(), after: added }));
    expect(world.leftovers()).toEqual([]);
  });

  test("container IDs of 300 characters with the same beginning stay two attachments", async () => {
    const long = `${world.newId()}${"x".repeat(260)}`;
    expectOk(await world.run("ADD", { conf: on(), id: `${long}a` }));
    expectOk(await world.run("ADD", { conf: on(), id: `${long}b`, ip: "10.77.0.6/24" }));
    expect(rules()).toHaveLength(4);
    expectOk(await world.run("DEL", { conf: on(), id: `${long}a` }));
    expect(rules()).toEqual(["10.77.0.6/32 0x10/0xff", "10.77.0.6/32 0x0/0xff reply"]);
  });

  test("the longest pod name and namespace get their rule, and DEL finds it", async () => {
    const env = {
      CNI_ARGS: `K8S_POD_NAMESPACE=${"n".repeat(63)};K8S_POD_NAME=${"p".repeat(253)};K8S_POD_UID=${POD_UID}`,
    };
    const added = expectOk(await world.run("ADD", { conf: on(), env }));
    expect(rules()).toHaveLength(2);
    expectOk(await world.run("CHECK", { conf: on(), after: added, env }));
    expectOk(await world.run("DEL", { conf: on(), after: added, env }));
    expect(world.leftovers()).toEqual([]);
  });
});
