import { delegateNetconf, effectiveDelegate } from "../../delegates/netconf";
import { checkDelegate } from "../../delegates/requirements";
import { runDelegate } from "../../delegates/run";
import { runChecks, troubleOf } from "../checks/run";
import { CniError, ERRORS, toCniError } from "../cni/error";
import { quote, type JsonObject } from "../cni/json";
import type { Context } from "./context";

/** What plugins that do not know STATUS, or CNI 1.1.0, answer: version, unknown container (its ID is empty), environment. */
const SAID_BY_OLD_PLUGINS: readonly number[] = [1, 3, 4];

/**
 * STATUS: can this node do an ADD now? Local checks only (a flaky API server must not make the node
 * NotReady), those of every tenant's delegate included, then the STATUS of the conflist's own
 * delegate. A warning is no reason to fail. Writes nothing. Throws CniError 50, or 51 when the delegate
 * says so.
 */
export async function status(context: Context): Promise<string> {
  const { node, request } = context;
  const { cni, conf, marks } = request;
  const checks = await node.addChecks({ conf, marks, path: cni.path });
  const trouble = troubleOf(await runChecks(checks));
  if (trouble.length > 0) throw new CniError("notAvailable", trouble.join("; "));
  const { delegate } = conf;
  if (delegate === undefined) return "";
  await ready(async () => {
    checkDelegate(delegate, cni.path);
    checkTenants(context, delegate);
    await runDelegate(
      request.delegate,
      "STATUS",
      delegateNetconf(conf, delegate, "STATUS", undefined),
    );
  });
  return "";
}

function checkTenants({ request: { cni, conf } }: Context, delegate: JsonObject): void {
  for (const { name, delegate: patch } of conf.tenants ?? []) {
    if (patch === undefined) continue;
    try {
      checkDelegate(effectiveDelegate(delegate, patch), cni.path);
    } catch (thrown) {
      const error = toCniError(thrown);
      throw new CniError(error.code, `tenant ${quote(name)}: ${error.message}`, {
        details: error.details,
        cause: error,
      });
    }
  }
}

async function ready(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (thrown) {
    const error = toCniError(thrown);
    if (error.code === ERRORS.limitedConnectivity.code) throw error;
    const hint = SAID_BY_OLD_PLUGINS.includes(error.code)
      ? ": plugins before 1.6.0 know neither STATUS nor CNI 1.1.0; upgrade it, or set cniVersion 1.0.0"
      : "";
    throw new CniError("notAvailable", `${error.message}${hint}`, {
      details: error.details,
      cause: error,
    });
  }
}
