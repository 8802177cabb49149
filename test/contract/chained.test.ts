/** Without a delegate: the wrapper as a later plugin of the list. */
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk } from "../helpers/outcome";

const world = useWorld();

test("prevResult beside a delegate is refused with code 7", async () => {
  const prevResult = { cniVersion: "1.0.0", ips: [{ address: "10.77.0.9/24" }] };
  const outcome = await world.run("ADD", { conf: conf({ prevResult }) });
  expectError(outcome, "invalidConfig", "prevResult");
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
});

test("a prevResult of null counts as none", async () => {
  expectOk(await world.run("ADD", { conf: conf({ prevResult: null }) }));
});

test("without a delegate ADD passes prevResult on and marks its address", async () => {
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

test("without a delegate and without prevResult ADD fails with code 7 that says what to do", async () => {
  expectError(
    await world.run("ADD", { conf: conf({ delegate: undefined }) }),
    "invalidConfig",
    "delegate",
    "prevResult",
  );
});
