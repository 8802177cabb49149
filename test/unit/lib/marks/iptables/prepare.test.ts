/** The program that will install the rules is started while the delegate runs. */
import type { Exec, ExecRequest, Started } from "../../../../../lib/ports";
import { rememberVariant } from "../../../../../lib/marks/iptables/variant";
import { FakeExec, type Answer } from "../../../../helpers/fakes";
import { DUAL, EMPTY, FAILED, KEY, listing, OTHER, RULE, useRules } from "./set-up";
import { ruleSpecs } from "../../../../../lib/marks/iptables/format";

const setUp = useRules();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A scripted Exec that can start early; says what became of what it started. */
function early(...script: Answer[]): { exec: Exec & FakeExec; started: string[] } {
  const fake = new FakeExec(...script);
  const started: string[] = [];
  const start = ({ path, ...request }: Omit<ExecRequest, "stdin">): Started => {
    const at = started.push(`${path} waits`) - 1;
    return {
      finish: (stdin) => {
        started[at] = `${path} was used`;
        return fake.run({ path, ...request, stdin });
      },
      abandon: () => void (started[at] = `${path} was abandoned`),
    };
  };
  return { exec: Object.assign(fake, { start }), started };
}

test("install uses the program that was started, once", async () => {
  const { exec, started } = early(EMPTY, EMPTY, "", "");
  const { rules } = setUp([], { exec });
  rules.anticipate(true);
  await turn();
  expect(started).toEqual(["/usr/sbin/iptables-nft-restore waits"]);
  await rules.install(DUAL);
  expect(started).toEqual(["/usr/sbin/iptables-nft-restore was used"]);
  expect(exec.calls.map((call) => call.split(" ")[0])).toEqual([
    "/usr/sbin/iptables-nft-save",
    "/usr/sbin/ip6tables-nft-save",
    "/usr/sbin/iptables-nft-restore",
    "/usr/sbin/ip6tables-nft-restore",
  ]);
});

test("a second round starts its own", async () => {
  const { exec, started } = early(EMPTY, FAILED, listing(...ruleSpecs(OTHER, 4)), "");
  const { rules } = setUp([], { exec });
  rules.anticipate(true);
  await turn();
  await rules.install(RULE);
  expect(started).toEqual(["/usr/sbin/iptables-nft-restore was used"]);
  expect(exec.left).toBe(0);
});

test("the variant of an earlier ADD will do; one that is still to be found out is not guessed", async () => {
  const { exec, started } = early(EMPTY, EMPTY);
  const { rules } = setUp([], { exec, configured: "auto" });
  rules.anticipate(true);
  await turn();
  expect(started).toEqual([]);
  rememberVariant(setUp.dataDir, "legacy");
  rules.anticipate(true);
  await turn();
  expect(started).toEqual(["/usr/sbin/iptables-legacy-restore waits"]);
});

test("it is ended when nothing needs it, and not started for a pod without a mark", async () => {
  const { exec, started } = early(EMPTY, EMPTY, EMPTY, EMPTY);
  const { rules } = setUp([], { exec });
  rules.anticipate(true);
  await turn();
  await rules.evict(KEY, ["10.0.0.5"]);
  expect(started).toEqual(["/usr/sbin/iptables-nft-restore was abandoned"]);
  rules.anticipate();
  await turn();
  rules.anticipate(true);
  await rules.remove(["x"]);
  await turn();
  expect(started).toHaveLength(1);
});
