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
  type Scene,
  type Tested,
} from "../scene";
import { strays } from "./own-gateway";

/** For the kernel to remove the interfaces of a namespace (ms). */
const VANISH_MS = 10_000;

/** For each tenant whose pods have addresses that others can get. */
export async function checkReuse(scene: Scene, working: readonly Tested[]): Promise<void> {
  const routed = working.filter(({ families }) => families.length > 0);
  if (routed.length === 0)
    return scene.ledger.skip(
      "reuse",
      {},
      "no tenant's packets reach a gateway, so there is nothing to tell",
    );
  for (const one of routed) await checkOne(scene, one);
}

async function checkOne(scene: Scene, one: Tested): Promise<void> {
  const { conf, ledger, runtime, stage } = scene;
  const about = { tenant: one.name };
  const spec = {
    pod: `${one.namespace ?? ""}/gone-${one.attached.pod.name}`,
    annotations: annotate(conf, one.value),
  };
  const { attached: gone, ran } = await attach(stage, runtime, spec, false);
  if (gone === undefined)
    return ledger.fail(
      "reuse",
      about,
      `a second pod of it does not start: ${ran.output}`,
      "see that its address pool has room",
    );
  await vanish(scene, gone);
  const ips = familiesOf(gone).map((family) => gone.addresses[family] ?? "");
  const heir = await attach(
    stage,
    runtime,
    { pod: `selftest/heir-${one.attached.pod.name}`, offers: { ips } },
    false,
  );
  await (heir.attached === undefined
    ? noHeir(scene, one, heir.ran.output)
    : judge(scene, one, { heir: heir.attached, gone }));
  // The DEL that was late, with the new pod there, and then the new pod's.
  await runtime.del(gone.pod);
  await runtime.del(heir.pod);
}

/** The namespace goes with its interface, and the lease with the IPAM plugin's own cleaning. */
async function vanish({ net, stage }: Scene, { pod, addresses }: Attached): Promise<void> {
  await stage.shell.must(["ip", "netns", "del", pod.netns]);
  const host = [addresses[4], addresses[6]].filter((address) => address !== undefined);
  await stage.shell.until(async () => {
    const routes = await net.node.must(["sh", "-c", "ip -4 route show; ip -6 route show"]);
    return !routes
      .split("\n")
      .some((line) => host.some((address) => line.startsWith(`${address} `)));
  }, VANISH_MS);
  const leases = join(stage.dir, "leases");
  for (const name of readdirSync(leases, { recursive: true, encoding: "utf8" })) {
    if (host.some((address) => name.endsWith(`/${address}`))) rmSync(join(leases, name));
  }
}

function noHeir({ ledger }: Scene, { name, tenant }: Tested, output: string): void {
  const own = tenant?.delegate !== undefined;
  const reason = own
    ? "its pods have an address pool of their own, which pods without a tenant do not draw from"
    : `no pod can be given the address again: ${output}`;
  if (own) ledger.skip("reuse", { tenant: name }, reason);
  else ledger.fail("reuse", { tenant: name }, reason, "see what the delegate says");
}

async function judge(
  scene: Scene,
  one: Tested,
  { heir, gone }: { heir: Attached; gone: Attached },
): Promise<void> {
  for (const family of one.families) {
    if (heir.addresses[family] !== gone.addresses[family]) {
      scene.ledger.skip(
        "reuse",
        { tenant: one.name, family },
        "the delegate does not give an address that is asked for, so none is given twice here",
      );
      continue;
    }
    await judgeFamily(scene, one, heir, family);
  }
}

async function judgeFamily(
  scene: Scene,
  one: Tested,
  heir: Attached,
  family: Family,
): Promise<void> {
  const { ledger, net } = scene;
  const count = await strays(scene, one, family);
  const { by, error } = await ask(scene, heir.pod, pick(SERVER, family));
  const about = { tenant: one.name, family };
  if (by === net.byDefault.name && (await count()) > 0) ledger.ok("reuse", about);
  else
    ledger.fail(
      "reuse",
      about,
      `a pod without a tenant that has the address of one of its pods does not leave by the default gateway: ${by === "" ? error : `answered by ${by}`}`,
      "see wrapper check for rules of pods that are gone",
    );
}
