/**
 * kill -9 between any two steps of an ADD or DEL. The killers are a delegate, an iptables
 * program, a slow API server and the clock; the product has no hooks for it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { conf, scripted, type Conf } from "../helpers/conf";
import { useWorld, type Part, type RunOptions } from "../helpers/harness";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import { BACKEND, iptablesTest, oneShotTest } from "../helpers/mode";

const world = useWorld();
const api = useApi(world, "apiVersion: v1\nkind: Namespace\nmetadata: { name: team-a }\n");

interface Step {
  readonly script?: Readonly<Record<string, Part>>;
  readonly options?: () => RunOptions;
  readonly change?: () => Promise<Conf>;
}

const LATER: readonly (readonly [string, RunOptions])[] = [
  ["with the netns", {}],
  ["without netns and prevResult", { netns: "" }],
];
const cases = (steps: Readonly<Record<string, Step>>) =>
  Object.keys(steps).flatMap((name) =>
    LATER.map(([how, options]) => [name, how, options] as const),
  );
const KILL = "kill -9 $PPID";
/** How long the delegate of a killed ADD goes on, in seconds. */
const LEFTOVER_S = 1.5;
const RESULT = `{"cniVersion":"1.0.0","ips":[{"address":"10.77.0.5/24"},{"address":"fd00::5/64"}]}`;
const tool = (when: "before" | "after", name: string): string =>
  world.toolbox.around({ [when]: `case $name in ${name}) ${KILL} ;; esac` });
const isComplete = (): boolean =>
  world
    .records()
    .some(
      (name) =>
        name.endsWith(".json") &&
        readFileSync(join(world.dataDir, name), "utf8").includes(`"state":"complete"`),
    );
/** Between the programs of iptables. nftables has one transaction for all; the sweeps by the clock are for that. */
const rulesSteps = (steps: Readonly<Record<string, Step>>): Readonly<Record<string, Step>> =>
  BACKEND === "iptables" ? steps : {};
const ADD_STEPS: Readonly<Record<string, Step>> = {
  "while the annotations are read": {
    change: async () => {
      await api.fault({ kind: "hang" });
      return { runtimeConfig: undefined, kubeconfig: await api.kubeconfig(), apiTimeout: "10s" };
    },
    options: () => ({ killAfterMs: 1000 }),
  },
  "after the intent, before the delegate has done anything": {
    script: { ADD: { run: `rm -f "$TR_STATE"/*; ${KILL}; exit 1` } },
  },
  "while the delegate is at work, which goes on": {
    script: {
      ADD: {
        run: `rm -f "$TR_STATE"/*; ${KILL}; sleep ${LEFTOVER_S}; : >"$TR_STATE/$CNI_CONTAINERID.$CNI_IFNAME"`,
        stdout: RESULT,
      },
    },
  },
  "after the delegate has done its work": { script: { ADD: { run: KILL, stdout: RESULT } } },
  ...rulesSteps({
    "before the first rule": { options: () => ({ wrap: tool("before", "iptables*") }) },
    "after the IPv4 rules": { options: () => ({ wrap: tool("after", "iptables*") }) },
    "before the IPv6 rules": { options: () => ({ wrap: tool("before", "ip6tables*") }) },
    "after the IPv6 rules": { options: () => ({ wrap: tool("after", "ip6tables*") }) },
  }),
  "after the record is complete, while the result is printed": {
    script: { ADD: { stdout: RESULT.replace("{", `{"padding":"${"x".repeat(300_000)}",`) } },
    options: () => ({ stdout: "stuck", killWhen: isComplete }),
  },
  "in the rollback of a failed ADD": {
    script: {
      ADD: { exit: 1 },
      DEL: { run: `: >"$TR_STATE/$CNI_CONTAINERID.$CNI_IFNAME"; ${KILL}` },
    },
  },
};

async function killed(verb: string, step: Step, base: RunOptions): Promise<Outcome> {
  world.script({ ADD: { stdout: RESULT }, DEL: {}, ...step.script });
  const change = (await step.change?.()) ?? {};
  const outcome = await world.run(verb, {
    conf: scripted({ iptables: "nft" }, change),
    ...base,
    ...step.options?.(),
  });
  expect(outcome.signal).toBe("SIGKILL");
  return outcome;
}

/** A DEL must leave nothing, and the same container can be added again. */
async function expectRecovery(id: string, options: RunOptions): Promise<void> {
  world.script({ ADD: { stdout: RESULT, run: "" }, DEL: {} });
  const given = scripted({ iptables: "nft" });
  expectOk(await world.run("DEL", { conf: given, id, ...options }));
  expect(world.leftovers()).toEqual([]);
  const again = expectOk(await world.run("ADD", { conf: given, id }));
  expect(world.firewall.ours()).toHaveLength(4);
  expectOk(await world.run("CHECK", { conf: given, after: again }));
  expectOk(await world.run("DEL", { conf: given, after: again }));
  expect(world.leftovers()).toEqual([]);
}

test.each(cases(ADD_STEPS))(
  "killed %s, a DEL %s leaves nothing, and ADD works again",
  async (name, _, options) => {
    const outcome = await killed("ADD", ADD_STEPS[name] as Step, {});
    await expectRecovery(outcome.id, options);
  },
);

const DEL_STEPS: Readonly<Record<string, Step>> = {
  ...rulesSteps({
    "before the IPv4 rules go": { options: () => ({ wrap: tool("before", "iptables*") }) },
    "after the IPv4 rules are gone": { options: () => ({ wrap: tool("after", "iptables*") }) },
    "after the IPv6 rules are gone": { options: () => ({ wrap: tool("after", "ip6tables*") }) },
  }),
  "before the delegate's DEL has done anything": {
    script: { DEL: { run: `: >"$TR_STATE/$CNI_CONTAINERID.$CNI_IFNAME"; ${KILL}` } },
  },
  "after the delegate's DEL": { script: { DEL: { run: KILL } } },
};

test.each(cases(DEL_STEPS))(
  "killed %s, another DEL %s leaves nothing, and ADD works again",
  async (name, _, options) => {
    world.script({ ADD: { stdout: RESULT } });
    const added = expectOk(await world.run("ADD", { conf: scripted({ iptables: "nft" }) }));
    await killed("DEL", DEL_STEPS[name] as Step, { after: added });
    await expectRecovery(added.id, options);
  },
);

test("the leftover processes of a killed ADD do nothing more after DEL", async () => {
  const outcome = await killed(
    "ADD",
    ADD_STEPS["while the delegate is at work, which goes on"] as Step,
    {},
  );
  expectOk(await world.run("DEL", { conf: scripted(), id: outcome.id }));
  await new Promise((resolve) => setTimeout(resolve, LEFTOVER_S * 1000 + 300));
  expect(world.leftovers()).toEqual([]);
});

iptablesTest(
  "a second ADD after a crash, without a DEL in between, takes the remainder down first",
  async () => {
    const outcome = await killed("ADD", ADD_STEPS["after the IPv4 rules"] as Step, {});
    const again = expectOk(
      await world.run("ADD", { conf: scripted({ iptables: "nft" }), id: outcome.id }),
    );
    expect(again.calls.map((call) => call.verb)).toEqual(["DEL", "ADD"]);
    expect(world.firewall.ours()).toHaveLength(4);
    expectOk(await world.run("DEL", { conf: scripted({ iptables: "nft" }), after: again }));
    expect(world.leftovers()).toEqual([]);
  },
);

iptablesTest("GC removes a crashed ADD that the runtime does not know", async () => {
  await killed("ADD", ADD_STEPS["after the IPv6 rules"] as Step, {});
  world.script({ DEL: {} });
  const outcome = await world.run("GC", {
    conf: scripted({ cniVersion: "1.1.0", "cni.dev/valid-attachments": [] }),
    id: "",
  });
  expectOk(outcome);
  expect(world.leftovers()).toEqual([]);
});

// test/node/crash.test.ts does it many more times, with real plugins.
test("killed at 12 moments of an ADD, a DEL leaves nothing, each time", async () => {
  const whole = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(await world.run("DEL", { conf: conf(), after: whole }));
  for (let n = 0; n < 12; n++) {
    const outcome = await world.run("ADD", {
      conf: conf(),
      killAfterMs: Math.round((whole.ms * (n + 1)) / 11),
    });
    expectOk(
      await world.run("DEL", {
        conf: conf(),
        id: outcome.id,
        netns: n % 2 === 0 ? "" : world.podNetns,
      }),
    );
    expect([n, ...world.leftovers()]).toEqual([n]);
  }
});

test("killed at 8 moments of a DEL, the next DEL leaves nothing, each time", async () => {
  for (let n = 0; n < 8; n++) {
    const added = expectOk(await world.run("ADD", { conf: conf() }));
    await world.run("DEL", {
      conf: conf(),
      after: added,
      killAfterMs: Math.round((added.ms * (n + 1)) / 8),
    });
    expectOk(await world.run("DEL", { conf: conf(), id: added.id, netns: "" }));
    expect([n, ...world.leftovers()]).toEqual([n]);
  }
});

// An agent takes back by itself what nobody waits for any more.
oneShotTest(
  "a killed ADD whose record is complete is a live attachment that ADD refuses and DEL removes",
  async () => {
    const outcome = await killed(
      "ADD",
      ADD_STEPS["after the record is complete, while the result is printed"] as Step,
      {},
    );
    world.script({ ADD: { stdout: RESULT } });
    expectError(
      await world.run("ADD", { conf: scripted(), id: outcome.id }),
      "duplicateAttachment",
    );
    expectOk(await world.run("DEL", { conf: scripted(), id: outcome.id }));
    expect(world.leftovers()).toEqual([]);
  },
);
