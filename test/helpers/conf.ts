/** Network configurations as a runtime passes them on stdin: plain objects, changed by the tests. */
import { POD_ANNOTATIONS } from "../../lib/lab/kit/libcni";
import { BACKEND_CONF } from "./mode";

export const KEY = "tenant.routing/fwmark";
export const CAPABILITY = POD_ANNOTATIONS;
export const NETWORK = "tr-contract";

export type Conf = Record<string, unknown>;

/** `runtimeConfig` of a runtime that passes the pod's annotations. */
export function annotations(values: Record<string, unknown> | null): Conf {
  return { capabilities: { [CAPABILITY]: true }, runtimeConfig: { [CAPABILITY]: values } };
}

/** The pod asks for this mark. */
export function marked(mark: unknown): Conf {
  return annotations({ [KEY]: mark });
}

/** A config that works: delegate `ok`, mark 0x10/0xff by an annotation from the runtime, this run's backend. */
export function conf(...changes: Conf[]): Conf {
  return Object.assign(
    {
      cniVersion: "1.0.0",
      name: NETWORK,
      type: "tenant-routing-wrapper",
      delegate: { type: "ok" },
      ...BACKEND_CONF,
    },
    marked("0x10/0xff"),
    ...changes,
  ) as Conf;
}

/** The same with a delegate that plays the script of the test. */
export function scripted(...changes: Conf[]): Conf {
  return conf({ delegate: { type: "scripted" } }, ...changes);
}
