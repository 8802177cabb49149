import { loadConf } from "../../../../../conf/load";
import type { PluginConf } from "../../../../../conf/types";
import { readConflist, type ReadConflist } from "../../../../../lib/checks/conflist/read";
import { ownNetconf } from "../../../../../lib/checks/conflist/settings";

export const OURS = {
  type: "tenant-routing-wrapper",
  capabilities: { "io.kubernetes.cri.pod-annotations": true },
  delegate: { type: "ptp", ipam: { type: "host-local", subnet: "10.0.0.0/24" } },
};

/** A conflist of these plugins, one key a line. */
export function listOf(...plugins: object[]): ReadConflist {
  return read({ cniVersion: "1.0.0", name: "pods", plugins });
}

export function read(object: object): ReadConflist {
  const { conflist } = readConflist(Buffer.from(JSON.stringify(object, null, 1)), "a.conflist");
  if (conflist === undefined) throw new Error("it cannot be read");
  return conflist;
}

export function confOf(conflist: ReadConflist): PluginConf {
  return loadConf(ownNetconf(conflist) ?? {}, "DEL").conf;
}

/** Code and subject of each. */
export function brief(
  findings: readonly { readonly code: string; readonly subject: string | undefined }[],
): readonly string[] {
  return findings.map(({ code, subject = "" }) => `${code} ${subject}`);
}
