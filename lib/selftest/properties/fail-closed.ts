/** A pod whose tenant is unknown, forbidden, or cannot be found out does not start, and leaves nothing. */
import type { CniRan, PodSpec, Runtime } from "../../lab/kit/runtime";
import { inventory, newSince } from "../inventory";
import { annotate, attach, type Fixture } from "../fixture";
import { namespaceOf, outsideOf } from "../tenants";

interface Trial {
  /** What was tried: "an unknown tenant is refused" when all is well. */
  readonly what: string;
  readonly tenant?: string;
  readonly spec: PodSpec;
  readonly runtime: Runtime;
  readonly remedy: string;
}

/** `withApi` is a runtime with a kubeconfig behind which nobody listens; undefined: the conflist has none. */
export async function checkFailClosed(
  fixture: Fixture,
  withApi: Runtime | undefined,
): Promise<void> {
  const { conf, results, runtime } = fixture;
  const namespace = namespaceOf(undefined, conf.exemptNamespaces);
  if (namespace === undefined)
    return results.skip(
      "closed",
      {},
      "exemptNamespaces exempts every namespace, so no pod is looked up",
      "narrow exemptNamespaces",
    );
  const unknown = annotate(conf, "selftest-unknown");
  await refused(fixture, {
    what: "a pod of an unknown tenant",
    spec: { pod: `${namespace}/unknown`, annotations: unknown },
    runtime,
    remedy: "this is a defect of the wrapper: report it",
  });
  await checkGuard(fixture);
  if (withApi === undefined)
    return results.skip("closed", {}, "without a kubeconfig no API server is asked");
  const remedy =
    conf.onError === "allow"
      ? 'onError is "allow": set it to "deny", or accept that tenants\' pods leave by the default gateway while the API server is away'
      : "this is a defect of the wrapper: report it";
  await refused(fixture, {
    what: "a pod whose tenant the API server does not tell",
    spec: { pod: `${namespace}/no-api` },
    runtime: withApi,
    remedy,
  });
}

async function checkGuard(fixture: Fixture): Promise<void> {
  const { conf, results, runtime, tested } = fixture;
  for (const { name, value, tenant } of tested) {
    if (tenant === undefined) continue;
    const namespace =
      tenant.namespaces === undefined
        ? undefined
        : outsideOf(tenant.namespaces, conf.exemptNamespaces);
    if (namespace === undefined) {
      results.note(
        `tenant ${name} is open to every namespace: whoever may create pods may use its gateway; "namespaces" limits it`,
      );
      continue;
    }
    const spec = {
      pod: `${namespace}/outside-${tested.findIndex((one) => one.name === name)}`,
      annotations: annotate(conf, value),
    };
    await refused(fixture, {
      what: `a pod of namespace ${namespace}`,
      tenant: name,
      spec,
      runtime,
      remedy: "this is a defect of the wrapper: report it",
    });
  }
}

async function refused(
  fixture: Fixture,
  { what, tenant, spec, runtime, remedy }: Trial,
): Promise<void> {
  const { conf, results, topology, setup } = fixture;
  const about = tenant === undefined ? {} : { tenant };
  const before = await inventory(topology.node, setup.dir);
  const { pod, ran } = await attach(setup, runtime, spec, false);
  // In a chain the main plugin has made the interface before us: there the runtime's DEL removes it.
  if (conf.delegate === undefined) await runtime.del(pod);
  const left = newSince(before, await inventory(topology.node, setup.dir));
  if (ran.ok) results.fail("closed", about, `${what} starts`, remedy);
  else if (left.length > 0)
    results.fail(
      "closed",
      about,
      `${what} is refused, but leaves behind: ${left.join(", ")}`,
      `see why the delegate's DEL did not remove it: ${ran.output}`,
    );
  else if (isSaid(ran)) results.ok("closed", about);
  else
    results.fail(
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
