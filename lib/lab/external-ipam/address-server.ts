/** The company's own IPAM of the lab `external-ipam`: an HTTPS server, and the plugin that asks it. */
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../cni/error";
import type { Setup } from "../kit/lab";
import type { Background, Machine } from "../kit/machines";
import { modeFile, type AddressMode } from "../kit/probe/address-server";
import { STARTS_MS } from "./programs";
import { CORP } from "./topology";

/** The plugin's type. */
export const ADDRESS_PLUGIN = "company-ipam";
const PORT = 8443;
export const SERVER_URL = `https://${CORP}:${PORT}/addresses`;

/** An IPAM plugin in a few lines: what the server says is the result, or the message of the error. */
const PLUGIN = `#!/bin/sh
conf=$(cat)
key() { printf '%s' "$conf" | tr -d '\\n' | sed -n "s/.*\\"$1\\": *\\"\\([^\\"]*\\)\\".*/\\1/p"; }
case $CNI_COMMAND in
ADD) method=PUT ;;
DEL) method=DELETE ;;
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["0.3.1","0.4.0","1.0.0"]}'; exit ;;
*) exit ;;
esac
said=$(curl -sS --fail-with-body --cacert "$(key ca)" -X $method "$(key url)/$CNI_CONTAINERID" 2>&1) && {
  [ $method = DELETE ] || printf '%s\\n' "$said"
  exit 0
}
said=$(printf '%s' "$said" | tr '"\\\\\\n' "'/ ")
printf '{"cniVersion":"1.0.0","code":120,"msg":"no address from the company: %s"}\\n' "$said"
exit 1
`;

/** Installs the plugin where the lab's plugins are, and makes the server's certificate. */
export async function prepareAddressServer({ dir, shell, cniPath }: Setup): Promise<void> {
  const plugin = join(cniPath[0] ?? dir, ADDRESS_PLUGIN);
  writeFileSync(plugin, PLUGIN);
  chmodSync(plugin, 0o755);
  await shell.must([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-nodes", "-days", "2", "-subj", "/CN=corp", "-addext", `subjectAltName=IP:${CORP}`],
    ...["-keyout", `${dir}/key.pem`, "-out", `${dir}/ca.pem`],
  ]);
}

/** Starts the server; what an earlier one gave out counts. Returns when it listens. Throws CniError `io`. */
export async function startAddressServer(
  { dir, binary, shell }: Setup,
  corp: Machine,
): Promise<Background> {
  const ready = join(dir, "addresses.ready");
  rmSync(ready, { force: true });
  const words = [String(PORT), dir, ready];
  const server = await corp.background([binary, "lab", "probe", "addresses", ...words]);
  if (await shell.until(() => existsSync(ready), STARTS_MS)) return server;
  throw new CniError("io", `the address server does not listen: see ${dir}/background.log`);
}

/** What the server does from now on. */
export function setMode({ dir }: Setup, mode: AddressMode): void {
  writeFileSync(modeFile(dir), mode);
}
