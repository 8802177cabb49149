/** Annotations that the runtime passed, without an API server. */
import { KEY, annotations, conf, marked } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();
const xmarks = (): readonly string[] =>
  world.firewall.ours().flatMap((line) => /--set-xmark (\S+)/.exec(line)?.[1] ?? []);

test("the pod's annotation from the runtime is used", async () => {
  expectOk(await world.run("ADD", { conf: conf() }));
  expect(xmarks()).toEqual(["0x10/0xff", "0x0/0xff"]);
});

test.each([[annotations(null)], [annotations({})], [annotations({ other: "x" })]])(
  "without an annotation of ours from the runtime (%j) and without a kubeconfig the pod runs unmarked, and DEL leaves nothing",
  async (change) => {
    const added = expectOk(await world.run("ADD", { conf: conf(change) }));
    expect(world.firewall.ours()).toEqual([]);
    expectOk(await world.run("CHECK", { conf: conf(change), after: added }));
    expectOk(await world.run("DEL", { conf: conf(change), after: added }));
    expect(world.leftovers()).toEqual([]);
  },
);

test("annotations of the runtime that are no strings are refused with code 7, and nothing is made", async () => {
  for (const value of [7, { a: 1 }, null]) {
    const outcome = await world.run("ADD", { conf: conf(annotations({ [KEY]: value })) });
    expectError(outcome, "invalidConfig");
    expect(outcome.calls).toEqual([]);
  }
});

test("an empty annotation is refused with code 7 instead of a silent fallback", async () => {
  const outcome = await world.run("ADD", { conf: conf(marked("")) });
  expectError(outcome, "invalidConfig", KEY);
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

test("of several keys the first that is present decides, even if it is wrong", async () => {
  const annotationKey = ["first", "second"];
  expectOk(
    await world.run("ADD", {
      conf: conf({ annotationKey }, annotations({ second: "0x20", other: "x" })),
    }),
  );
  expect(xmarks()[0]).toBe("0x20/0xffffffff");
  const outcome = await world.run("ADD", {
    conf: conf({ annotationKey }, annotations({ second: "0x20", first: "" })),
  });
  expectError(outcome, "invalidConfig", "first");
});
