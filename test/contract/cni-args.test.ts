/** CNI_ARGS: which pod it is. */
import { conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs } from "../helpers/outcome";

const world = useWorld();
const ARGS = [
  [
    "containerd's random order",
    "K8S_POD_UID=6c2a;K8S_POD_NAME=web-0;IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a",
  ],
  [
    "CRI-O's duplicates",
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-b;K8S_POD_NAME=x;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0",
  ],
  [
    "empty values",
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;K8S_POD_UID=;IP=;MAC=",
  ],
  ["no IgnoreUnknown", "K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;FOO=bar"],
  ["stray separators", ";;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;;FOO;=x;A=B=C;"],
] as const;
const NEWEST = conf({ cniVersion: "1.1.0", "cni.dev/valid-attachments": [] });

test.each(ARGS)(
  "CNI_ARGS with %s are accepted, and reach the delegate as they are",
  async (_, args) => {
    const outcome = expectOk(await world.run("ADD", { conf: NEWEST, env: { CNI_ARGS: args } }));
    expect(outcome.calls[0]?.env["CNI_ARGS"]).toBe(args);
    expect(world.firewall.ours()[0]).toContain("team-a/web-0");
  },
);

test("without CNI_ARGS the runtime's annotations are enough", async () => {
  const outcome = expectOk(await world.run("ADD", { conf: NEWEST, env: { CNI_ARGS: undefined } }));
  expect(verbs(outcome)).toEqual(["ADD"]);
  expect(world.firewall.ours()).toHaveLength(2);
});

test.each(["", "IgnoreUnknown=1;K8S_POD_NAME=web-0", "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a"])(
  "CNI_ARGS %j without annotations from the runtime are refused with code 4 that names the variables",
  async (args) => {
    const given = conf({ runtimeConfig: undefined, kubeconfig: "/etc/kubernetes/kubelet.conf" });
    const outcome = await world.run("ADD", { conf: given, env: { CNI_ARGS: args } });
    expectError(outcome, "invalidEnvironment", "K8S_POD_NAME", "K8S_POD_NAMESPACE");
    expect(outcome.calls).toEqual([]);
  },
);

test.each(["../../secrets/x", "a?b", "%2e", "a/b", "a b", "A", "-a", "x".repeat(254), "a\nb", "é"])(
  "the pod name %j is refused with code 4 before anything is asked or made",
  async (name) => {
    const env = { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=${name}` };
    const outcome = await world.run("ADD", { conf: conf(), env });
    expectError(outcome, "invalidEnvironment", "K8S_POD_NAME");
    expect(outcome.calls).toEqual([]);
  },
);

test("DEL cleans up whatever the pod name is", async () => {
  const added = expectOk(await world.run("ADD", { conf: conf() }));
  expectOk(
    await world.run("DEL", {
      conf: conf(),
      after: added,
      env: { CNI_ARGS: "K8S_POD_NAMESPACE=../x;K8S_POD_NAME=%2e" },
    }),
  );
  expect(world.leftovers()).toEqual([]);
});
