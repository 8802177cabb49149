/** Catalogue A1-A4: what the binary answers before it knows any network. */
import { useWorld } from "../helpers/harness";
import { expectOk } from "../helpers/outcome";

const VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
const world = useWorld();
/** An environment with nothing of CNI in it. */
const BARE = Object.fromEntries(
  ["COMMAND", "CONTAINERID", "NETNS", "IFNAME", "PATH", "ARGS"].map((name) => [
    `CNI_${name}`,
    undefined,
  ]),
);

test("A1 without CNI_COMMAND: about and versions on stderr, nothing on stdout, exit 0", async () => {
  const outcome = expectOk(await world.run(undefined, { env: BARE, stdin: "open" }));
  expect(outcome.stdout).toBe("");
  expect(outcome.stderr).toContain("tenant-routing-wrapper");
  expect(outcome.stderr).toMatch(/commit/);
  expect(outcome.stderr).toContain(`CNI protocol versions supported: ${VERSIONS.join(", ")}`);
});

test("A1 an empty CNI_COMMAND is none", async () => {
  const outcome = expectOk(await world.run("", { env: BARE }));
  expect(outcome.stderr).toContain("CNI protocol versions supported");
});

test("A2 VERSION needs no other variable, no stdin, and less than a second", async () => {
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    const outcome = expectOk(
      await world.run("VERSION", { env: { ...BARE, CNI_COMMAND: "VERSION" }, stdin: "closed" }),
    );
    expect(outcome.json).toEqual({ cniVersion: "1.1.0", supportedVersions: VERSIONS });
    times.push(outcome.ms);
  }
  expect(Math.min(...times)).toBeLessThan(1000);
});

test("A2 VERSION does not read stdin: a pipe that stays open does not hold it", async () => {
  const outcome = expectOk(await world.run("VERSION", { stdin: "open" }));
  expect(outcome.json).toMatchObject({ supportedVersions: VERSIONS });
});

test("A4 VERSION in the form of libcni: dummy netns, interface and path, empty container ID", async () => {
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

test("A4 the answer to VERSION is one JSON document and nothing else", async () => {
  const { stdout, stderr } = expectOk(await world.run("VERSION"));
  expect(stdout).toMatch(/^\{.*\}\n?$/);
  expect(stderr).toBe("");
});
