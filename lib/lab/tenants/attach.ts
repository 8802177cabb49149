/** The pods of the lab `tenants`, and where their annotations come from. */
import { startResponder } from "../kit/calls";
import type { Setup } from "../kit/lab";
import type { Machine } from "../kit/machines";
import type { Attached, Pod, PodSpec, Runtime } from "../kit/runtime";
import { objectsOf, startApiServer } from "../kit/api/server";
import type { Fixture } from "./fixture";
import { NODE, NODE_PORT } from "./topology";

interface TenantPod extends PodSpec {
  /** Whose annotation selects the tenant, where an API server has it; without one the runtime passes it as the pod's. */
  readonly annotated: "pod" | "namespace" | "nobody";
}

const MARK = "tenant.routing/fwmark";
const PODS: readonly TenantPod[] = [
  {
    pod: "team-a/web-0",
    annotations: { [MARK]: "tenant-a" },
    ports: [`${NODE_PORT}:80`],
    annotated: "pod",
  },
  { pod: "team-b/api-0", annotations: { [MARK]: "0x20" }, annotated: "namespace" },
  { pod: "plain/client-0", annotated: "nobody" },
];
const ORIGIN = {
  pod: "its tenant is in its own annotation",
  namespace: "its tenant is in its namespace's annotation",
  nobody: "it has no tenant",
} as const;

/** Attaches the three pods; undefined when one of them does not start. */
export async function attachPods(
  setup: Setup,
  node: Machine,
  runtime: Runtime,
): Promise<Pick<Fixture, "web" | "api0" | "plain" | "api"> | undefined> {
  const { transcript, apiServer: program } = setup;
  await transcript.heading("Three pods, attached by this binary with the real ptp and portmap");
  const pods: Pod[] = [];
  for (const spec of PODS) pods.push(await runtime.sandbox(sandboxSpec(spec, program)));
  const api =
    program === undefined ? undefined : await serveAnnotations(setup, node, program, pods);
  const source = api === undefined ? "the runtime, as with containerd" : "the API server";
  transcript.say(
    `cni is what a container runtime does with the conflist; the annotations come from ${source}.`,
    "",
  );
  const attached: Attached[] = [];
  for (const [at, pod] of pods.entries()) {
    const origin = ORIGIN[PODS[at]?.annotated ?? "nobody"];
    const one = await attach(setup, runtime, pod, api === undefined ? "" : `; ${origin}`);
    if (one === undefined) return undefined;
    attached.push(one);
  }
  const [web, api0, plain] = attached as [Attached, Attached, Attached];
  return { web, api0, plain, api };
}

/** A runtime has no annotations where an API server has them. */
function sandboxSpec(
  { annotations, annotated: _, ...spec }: TenantPod,
  program: string | undefined,
): PodSpec {
  return program === undefined && annotations !== undefined ? { ...spec, annotations } : spec;
}

async function attach(
  setup: Setup,
  runtime: Runtime,
  pod: Pod,
  origin: string,
): Promise<Attached | undefined> {
  const {
    ok,
    addresses: [v4 = "", v6 = ""],
  } = await runtime.add(pod);
  const isAttached = setup.transcript.statement(
    `${pod.spec.pod} is attached, with an IPv4 and an IPv6 address${origin}`,
    ok && v4.includes(".") && v6.includes(":"),
  );
  if (!isAttached) return undefined;
  await startResponder(setup, pod, 80);
  return { machine: pod, addresses: [v4, v6] };
}

async function serveAnnotations(
  setup: Setup,
  node: Machine,
  program: string,
  pods: readonly Pod[],
): Promise<NonNullable<Fixture["api"]>> {
  const { transcript } = setup;
  const annotated = PODS.flatMap(({ pod, annotations, annotated }) => {
    const owner = annotated === "namespace" ? (pod.split("/")[0] ?? "") : pod;
    return annotations === undefined ? [] : [[owner, annotations] as const];
  });
  const api = await startApiServer(
    setup,
    node,
    { program, host: NODE[0] },
    objectsOf(pods, Object.fromEntries(annotated)),
  );
  transcript.say("An API server has the annotations:");
  for (const [owner, annotations] of annotated)
    transcript.say(
      `  ${owner.includes("/") ? "pod" : "namespace"} ${owner}: ${MARK}: ${annotations[MARK] ?? ""}`,
    );
  transcript.say("");
  return api;
}
