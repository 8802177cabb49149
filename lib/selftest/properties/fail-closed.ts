/** A pod whose tenant is unknown, forbidden, or cannot be found out does not start, and leaves nothing. */
import type { CniRan, PodSpec, Runtime } from "../../lab/kit/runtime";
import { census, newSince } from "../census";
import { annotate, attach, type Scene } from "../scene";
import { namespaceOf, outsideOf } from "../subjects";

interface Trial {
  /** What was tried: "an unknown tenant is refused" when all is well. */
  readonly what: string;
  readonly tenant?: string;
  readonly spec: PodSpec;
  readonly runtime: Runtime;
  readonly remedy: string;
}

/** `withApi` is a runtime with a kubeconfig behind which nobody listens; undefined: the conflist has none. */
export async function checkFailClosed(scene: Scene, withApi: Runtime | undefined): Promise<void> {
  const { conf, ledger, runtime } = scene;
  const namespace = namespaceOf(undefined, conf.exemptNamespaces);
  if (namespace === undefined)
    return ledger.skip(
      "closed",
      {},
      "exemptNamespaces exempts every namespace, so no pod is looked up",
      "narrow exemptNamespaces",
    );
  const unknown = annotate(conf, "selftest-unknown");
  await refused(scene, {
    what: "a pod of an unknown tenant",
    spec: { pod: `${namespace}/unknown`, annotations: unknown },
    runtime,
    remedy: "this is a defect of the wrapper: report it",
  });
  await checkGuard(scene);
  if (withApi === undefined)
    return ledger.skip("closed", {}, "without a kubeconfig no API server is asked");
  const remedy =
    conf.onError === "allow"
      ? 'onError is "allow": set it to "deny", or accept that tenants\' pods leave by the default gateway while the API server is away'
      : "this is a defect of the wrapper: report it";
  await refused(scene, {
    what: "a pod whose tenant the API server does not tell",
    spec: { pod: `${namespace}/no-api` },
    runtime: withApi,
    remedy,
  });
}

async function checkGuard(scene: Scene): Promise<void> {
  const { conf, ledger, runtime, tested } = scene;
  for (const { name, value, tenant } of tested) {
    if (tenant === undefined) continue;
    const namespace =
      tenant.namespaces === undefined
        ? undefined
        : outsideOf(tenant.namespaces, conf.exemptNamespaces);
    if (namespace === undefined) {
      ledger.note(
        `tenant ${name} is open to every namespace: whoever may create pods may use its gateway; "namespaces" limits it`,
      );
      continue;
    }
    const spec = {
      pod: `${namespace}/outside-${tested.findIndex((one) => one.name === name)}`,
      annotations: annotate(conf, value),
    };
    await refused(scene, {
      what: `a pod of namespace ${namespace}`,
      tenant: name,
      spec,
      runtime,
      remedy: "this is a defect of the wrapper: report it",
    });
  }
}

async function refused(
  scene: Scene,
  { what, tenant, spec, runtime, remedy }: Trial,
): Promise<void> {
  const { conf, ledger, net, stage } = scene;
  const about = tenant === undefined ? {} : { tenant };
  const before = await census(net.node, stage.dir);
  const { pod, ran } = await attach(stage, runtime, spec, false);
  // In a chain the main plugin has made the interface before us: there the runtime's DEL removes it.
  if (conf.delegate === undefined) await runtime.del(pod);
  const left = newSince(before, await census(net.node, stage.dir));
  if (ran.ok) ledger.fail("closed", about, `${what} starts`, remedy);
  else if (left.length > 0)
    ledger.fail(
      "closed",
      about,
      `${what} is refused, but leaves behind: ${left.join(", ")}`,
      `see why the delegate's DEL did not remove it: ${ran.output}`,
    );
  else if (isSaid(ran)) ledger.ok("closed", about);
  else
    ledger.fail(
      "closed",
      about,
      `${what} is refused without a reason: ${ran.output}`,
      "see the log",
    );
  await runtime.del(pod);
}

/** Codes of our own, or the specification's: not a crash. */
function isSaid({ code, output }: CniRan): boolean {
  return code > 0 && output.includes(": error ");
}
