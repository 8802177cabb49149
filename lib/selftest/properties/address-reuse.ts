/** A pod is gone without a DEL, and its address goes to a pod without a tenant: that one must not have the tenant. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Family } from "../../net/family";
import { SERVER } from "../addresses";
import {
  annotate,
  ask,
  attach,
  familiesOf,
  pick,
  type Attached,
  type Fixture,
  type Tested,
} from "../fixture";
import { strays } from "./own-gateway";

/** For the kernel to remove the interfaces of a namespace (ms). */
const VANISH_MS = 10_000;

/** For each tenant whose pods have addresses that other pods can get. */
export async function checkReuse(fixture: Fixture, working: readonly Tested[]): Promise<void> {
  const routed = working.filter(({ families }) => families.length > 0);
  if (routed.length === 0)
    return fixture.results.skip(
      "reuse",
      {},
      "no tenant's packets reach a gateway, so there is nothing to tell",
    );
  for (const one of routed) await checkOne(fixture, one);
}

async function checkOne(fixture: Fixture, one: Tested): Promise<void> {
  const { conf, results, runtime, setup } = fixture;
  const about = { tenant: one.name };
  const spec = {
    pod: `${one.namespace ?? ""}/gone-${one.attached.pod.name}`,
    annotations: annotate(conf, one.value),
  };
  const { attached: gone, ran } = await attach(setup, runtime, spec, false);
  if (gone === undefined)
    return results.fail(
      "reuse",
      about,
      `a second pod of it does not start: ${ran.output}`,
      "see that its address pool has room",
    );
  await vanish(fixture, gone);
  const ips = familiesOf(gone).map((family) => gone.addresses[family] ?? "");
  const heir = await attach(
    setup,
    runtime,
    { pod: `selftest/heir-${one.attached.pod.name}`, offers: { ips } },
    false,
  );
  await (heir.attached === undefined
    ? noHeir(fixture, one, heir.ran.output)
    : judge(fixture, one, { heir: heir.attached, gone }));
  // The DEL that was late, with the new pod there, and then the new pod's.
  await runtime.del(gone.pod);
  await runtime.del(heir.pod);
}

/** The namespace goes with its interface, and the lease with the IPAM plugin's own cleaning. */
async function vanish({ topology, setup }: Fixture, { pod, addresses }: Attached): Promise<void> {
  await setup.shell.must(["ip", "netns", "del", pod.netns]);
  const host = [addresses[4], addresses[6]].filter((address) => address !== undefined);
  await setup.shell.until(async () => {
    const routes = await topology.node.must(["sh", "-c", "ip -4 route show; ip -6 route show"]);
    return !routes
      .split("\n")
      .some((line) => host.some((address) => line.startsWith(`${address} `)));
  }, VANISH_MS);
  const leases = join(setup.dir, "leases");
  for (const name of readdirSync(leases, { recursive: true, encoding: "utf8" })) {
    if (host.some((address) => name.endsWith(`/${address}`))) rmSync(join(leases, name));
  }
}

function noHeir({ results }: Fixture, { name, tenant }: Tested, output: string): void {
  const own = tenant?.delegate !== undefined;
  const reason = own
    ? "its pods have an address pool of their own, which pods without a tenant do not draw from"
    : `no pod can be given the address again: ${output}`;
  if (own) results.skip("reuse", { tenant: name }, reason);
  else results.fail("reuse", { tenant: name }, reason, "see what the delegate says");
}

async function judge(
  fixture: Fixture,
  one: Tested,
  { heir, gone }: { heir: Attached; gone: Attached },
): Promise<void> {
  for (const family of one.families) {
    if (heir.addresses[family] !== gone.addresses[family]) {
      fixture.results.skip(
        "reuse",
        { tenant: one.name, family },
        "the delegate does not give an address that is asked for, so none is given twice here",
      );
      continue;
    }
    await judgeFamily(fixture, one, heir, family);
  }
}

async function judgeFamily(
  fixture: Fixture,
  one: Tested,
  heir: Attached,
  family: Family,
): Promise<void> {
  const { results, topology } = fixture;
  const count = await strays(fixture, one, family);
  const { by, error } = await ask(fixture, heir.pod, pick(SERVER, family));
  const about = { tenant: one.name, family };
  if (by === topology.byDefault.name && (await count()) > 0) results.ok("reuse", about);
  else
    results.fail(
      "reuse",
      about,
      `a pod without a tenant that has the address of one of its pods does not leave by the default gateway: ${by === "" ? error : `answered by ${by}`}`,
      "see wrapper check for rules of pods that are gone",
    );
}
