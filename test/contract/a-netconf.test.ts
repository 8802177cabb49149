/** Catalogue A10-A16, A19-A21: what arrives on stdin. */
import { conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const text = (changes: object): string => JSON.stringify({ ...conf(), ...changes });

const UNREADABLE = [
  "",
  " \n",
  "{",
  "[]",
  `"text"`,
  "7",
  `${text({})} x`,
  `${text({})}${text({})}`,
  "\ufeff{}",
];

test.each(UNREADABLE.map((stdin) => [stdin.slice(0, 12), stdin]))(
  "A10 stdin %j: code 6",
  async (_, stdin) => {
    for (const verb of ["ADD", "DEL"]) {
      const outcome = await world.run(verb, { conf: stdin });
      expectError(outcome, "decode", "stdin");
      expect(outcome.calls).toEqual([]);
    }
  },
);

test.each([
  ["null", "null"],
  ["no name", text({ name: undefined })],
  ["an empty name", text({ name: "" })],
  ["the name te%%st", text({ name: "te%%st" })],
  ["the name ../x", text({ name: "../x" })],
])("A10 stdin with %s: code 7 about the name", async (_, stdin) => {
  expectError(await world.run("ADD", { conf: stdin }), "invalidConfig", /name/);
});

test("A10 stdin that is closed: code 6, no hang", async () => {
  expectError(await world.run("ADD", { stdin: "closed" }), "decode");
});

test.each(["9.9.9", "1.0", "1.0.0-rc1", "v1.0.0", "0.0.9"])(
  "A12 cniVersion %j: code 1, both sides in the details",
  async (version) => {
    const body = expectError(
      await world.run("ADD", { conf: conf({ cniVersion: version }) }),
      "incompatibleVersion",
    );
    expect(body.details).toContain(version);
    expect(body.details).toContain("0.3.1");
    expect(body.details).toContain("1.1.0");
  },
);

test.each([{ cniVersion: undefined }, { cniVersion: "" }])(
  "A13 %j means 0.1.0: the result has ip4",
  async (change) => {
    const outcome = expectOk(await world.run("ADD", { conf: conf(change) }));
    expect(outcome.json).toEqual({ cniVersion: "0.1.0", ip4: { ip: "10.77.0.5/24" } });
    expect(outcome.calls[0]?.netconf["cniVersion"]).toBe("0.1.0");
    expect(world.firewall.ours()).toHaveLength(2);
  },
);

test.each([
  ["CHECK", "0.3.1"],
  ["CHECK", "0.1.0"],
  ["GC", "1.0.0"],
  ["STATUS", "1.0.0"],
  ["STATUS", "0.4.0"],
])("A14 %s at %s: code 1, does not allow", async (verb, cniVersion) => {
  const outcome = await world.run(verb, { conf: conf({ cniVersion }) });
  expectError(outcome, "incompatibleVersion", "does not allow", verb);
  expect(outcome.calls).toEqual([]);
});

test.each([7, {}, ["1.0.0"], true])(
  "A15 cniVersion %j is no string: code 6",
  async (cniVersion) => {
    expectError(await world.run("ADD", { conf: conf({ cniVersion }) }), "decode", "cniVersion");
  },
);

test.each(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])(
  "A16 ADD and DEL at %s: the delegate's bytes, in the config's version",
  async (cniVersion) => {
    const added = expectOk(await world.run("ADD", { conf: conf({ cniVersion }) }));
    expect(added.json?.["cniVersion"]).toBe(cniVersion);
    // The fixture writes a space after the brace, which no encoder would.
    expect(added.stdout).toMatch(new RegExp(`^\\{ "cniVersion":"${cniVersion}", .* \\}\n$`));
    expect(world.firewall.ours()).toHaveLength(2);
    expect(
      expectOk(await world.run("DEL", { conf: conf({ cniVersion }), after: added })).stdout,
    ).toBe("");
    expect(world.leftovers()).toEqual([]);
  },
);

test("A19 ADD with prevResult although a delegate is configured: code 7", async () => {
  const prevResult = { cniVersion: "1.0.0", ips: [{ address: "10.77.0.9/24" }] };
  const outcome = await world.run("ADD", { conf: conf({ prevResult }) });
  expectError(outcome, "invalidConfig", "prevResult");
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

test("A19 prevResult null is none", async () => {
  expectOk(await world.run("ADD", { conf: conf({ prevResult: null }) }));
});

test("A19 chained, without a delegate: prevResult is passed on, and its address marked", async () => {
  const prevResult = {
    cniVersion: "1.0.0",
    interfaces: [{ name: "eth0", sandbox: world.podNetns }],
    ips: [{ address: "10.77.0.9/24", interface: 0 }],
    "x-unknown": 12345678901234567890n.toString(),
  };
  const chained = conf({ delegate: undefined, prevResult });
  const added = expectOk(await world.run("ADD", { conf: chained }));
  expect(added.json).toEqual(prevResult);
  expect(added.calls).toEqual([]);
  expect(world.firewall.ours()[0]).toContain("-s 10.77.0.9/32");
  expectOk(await world.run("DEL", { conf: conf({ delegate: undefined }) }));
  expect(world.leftovers()).toEqual([]);
});

test("A19 chained without prevResult: code 7 that says what to do", async () => {
  expectError(
    await world.run("ADD", { conf: conf({ delegate: undefined }) }),
    "invalidConfig",
    "delegate",
    "prevResult",
  );
});

test("A20 keys of CNI and of the runtime are tolerated on every verb", async () => {
  const known = conf(
    {
      cniVersion: "1.1.0",
      args: { cni: { ips: ["10.0.0.1"] }, labels: [] },
      dns: {},
      ipMasq: false,
    },
    {
      capabilities: { portMappings: true, "io.kubernetes.cri.pod-annotations": true },
      "cni.dev/x": { y: 1 },
    },
    {
      runtimeConfig: {
        ...(marked("0x10")["runtimeConfig"] as object),
        portMappings: [],
        bandwidth: null,
        cgroupPath: "/x",
      },
    },
  );
  const added = expectOk(await world.run("ADD", { conf: known }));
  expect(verbs(added)).toEqual(["ADD"]);
  expectOk(await world.run("CHECK", { conf: known, after: added }));
  expectOk(await world.run("STATUS", { conf: known }));
  expectOk(await world.run("GC", { conf: known }));
  expectOk(await world.run("DEL", { conf: known, after: added }));
});

test("A21 a mistyped key of ours: code 2 naming key, value and the word that was meant", async () => {
  const outcome = await world.run("ADD", { conf: conf({ annotationKeys: "tenant.routing/mark" }) });
  expectError(
    outcome,
    "unsupportedField",
    "annotationKeys",
    "tenant.routing/mark",
    `"annotationKey"`,
  );
  expect(outcome.calls).toEqual([]);
});

test("A21 all problems of a config are told at once, each with its pointer", async () => {
  const broken = conf({ onError: "maybe", mask: "0", dataDir: "relative", delegateTimeout: 7 });
  expectError(
    await world.run("ADD", { conf: broken }),
    "invalidConfig",
    "/onError",
    "/mask",
    "/dataDir",
    "/delegateTimeout",
  );
});

test("A21 DEL lives with a mistyped key", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(await world.run("DEL", { conf: conf({ anotationKey: "x" }), after: added }));
  expect(world.leftovers()).toEqual([]);
});
