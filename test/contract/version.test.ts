/** VERSION, the help text, and the versions that a configuration may ask for. */
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();

/** An environment with nothing of CNI in it. */
const BARE = Object.fromEntries(
  ["COMMAND", "CONTAINERID", "NETNS", "IFNAME", "PATH", "ARGS"].map((name) => [
    `CNI_${name}`,
    undefined,
  ]),
);

const VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

test("without CNI_COMMAND it prints about and versions on stderr, the help on stdout, and exits 0", async () => {
  const outcome = expectOk(await world.run(undefined, { env: BARE, stdin: "open" }));
  expect(outcome.stdout).toMatch(/^Usage: wrapper COMMAND/);
  expect(outcome.stderr).toContain("tenant-routing-wrapper");
  expect(outcome.stderr).toMatch(/commit/);
  expect(outcome.stderr).toContain(`CNI protocol versions supported: ${VERSIONS.join(", ")}`);
});

test("an empty CNI_COMMAND counts as none", async () => {
  const outcome = expectOk(await world.run("", { env: BARE }));
  expect(outcome.stderr).toContain("CNI protocol versions supported");
});

test("VERSION needs no other variable, no stdin, and less than a second", async () => {
  let best = Infinity;
  // As often as a busy machine needs.
  for (let n = 0; n < 20 && (n < 3 || best >= 1000); n++) {
    const outcome = expectOk(
      await world.run("VERSION", { env: { ...BARE, CNI_COMMAND: "VERSION" }, stdin: "closed" }),
    );
    expect(outcome.json).toEqual({ cniVersion: "1.1.0", supportedVersions: VERSIONS });
    best = Math.min(best, outcome.ms);
  }
  expect(best).toBeLessThan(1000);
});

test("VERSION does not read stdin, so a pipe that stays open does not hold it", async () => {
  const outcome = expectOk(await world.run("VERSION", { stdin: "open" }));
  expect(outcome.json).toMatchObject({ supportedVersions: VERSIONS });
});

test("VERSION accepts libcni's form: dummy netns, interface and path, empty container ID", async () => {
  const env = {
    CNI_CONTAINERID: "",
    CNI_NETNS: "dummy",
    CNI_IFNAME: "dummy",
    CNI_PATH: "dummy",
    CNI_ARGS: "",
  };
  const outcome = expectOk(await world.run("VERSION", { env, conf: `{"cniVersion":"0.3.1"}` }));
  expect(outcome.json).toMatchObject({ supportedVersions: VERSIONS });
});

test("the answer to VERSION is one JSON document and nothing else", async () => {
  const { stdout, stderr } = expectOk(await world.run("VERSION"));
  expect(stdout).toMatch(/^\{.*\}\n?$/);
  expect(stderr).toBe("");
});

test.each(["9.9.9", "1.0", "1.0.0-rc1", "v1.0.0", "0.0.9"])(
  "cniVersion %j is refused with code 1, with both sides in the details",
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
  "%j means 0.1.0, so the result has ip4",
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
])(
  "%s at %s is refused with code 1, because that version does not allow it",
  async (verb, cniVersion) => {
    const outcome = await world.run(verb, { conf: conf({ cniVersion }) });
    expectError(outcome, "incompatibleVersion", "does not allow", verb);
    expect(outcome.calls).toEqual([]);
  },
);

test.each([7, {}, ["1.0.0"], true])(
  "cniVersion %j, which is no string, is refused with code 6",
  async (cniVersion) => {
    expectError(await world.run("ADD", { conf: conf({ cniVersion }) }), "decode", "cniVersion");
  },
);

test.each(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])(
  "ADD and DEL at %s pass the delegate's bytes on, in the config's version",
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
