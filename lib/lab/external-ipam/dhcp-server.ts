/** The company's DHCP server of the lab `external-ipam`, and the node's daemon that asks it for pods. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../cni/error";
import type { Setup } from "../kit/lab";
import type { Background, Machine } from "../kit/machines";
import { ownCopy, STARTS_MS } from "./programs";
import { NODE_ON_VLAN } from "./topology";

/** The daemon's socket in the lab's directory. */
export const DHCP_SOCKET = "dhcp.sock";
const LEASES = "dhcp.leases";

export interface Lease {
  readonly mac: string;
  readonly address: string;
  /** Seconds since 1970. */
  readonly expires: number;
}

/** Starts dnsmasq on the VLAN; clients renew after `renewAfter` seconds. Leases of an earlier one count. */
export async function startDhcpServer(
  setup: Setup,
  corp: Machine,
  renewAfter: number,
): Promise<Background> {
  const { dir, shell } = setup;
  const pidFile = join(dir, `dnsmasq-${renewAfter}.pid`);
  const server = await corp.background([
    ...[ownCopy(setup, "dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--port=0"],
    ...["--user=root", "--interface=vlan66", "--bind-interfaces", "--no-ping"],
    ...["--dhcp-authoritative", "--dhcp-range=10.66.0.100,10.66.0.199,255.255.255.0,1h"],
    ...[`--dhcp-option=option:router,${NODE_ON_VLAN}`, `--dhcp-option=58,${renewAfter}`],
    ...[`--dhcp-leasefile=${dir}/${LEASES}`, `--pid-file=${pidFile}`],
    `--log-facility=${dir}/dnsmasq.log`,
  ]);
  if (await shell.until(() => existsSync(pidFile), STARTS_MS)) return server;
  throw new CniError("io", `dnsmasq does not start: see ${dir}/dnsmasq.log`);
}

/** What the server has given out. */
export function leases({ dir }: Setup): readonly Lease[] {
  if (!existsSync(join(dir, LEASES))) return [];
  return readFileSync(join(dir, LEASES), "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .flatMap(([expires = "", mac = "", address = ""]) =>
      address === "" ? [] : [{ mac, address, expires: Number(expires) }],
    );
}

/**
 * Starts the daemon of the `dhcp` plugin on the node. It gives up soon, with a word of its own, where the limit of
 * the delegate would cut it short otherwise.
 */
export async function startDhcpDaemon(setup: Setup, node: Machine): Promise<Background> {
  const { cniPath, dir, shell } = setup;
  const socket = join(dir, DHCP_SOCKET);
  const program = cniPath.map((each) => join(each, "dhcp")).find((path) => existsSync(path)) ?? "";
  const words = ["daemon", "-socketpath", socket, "-timeout", "1s", "-resendmax", "1s"];
  const daemon = await node.background([program, ...words]);
  if (await shell.until(() => existsSync(socket), STARTS_MS)) return daemon;
  throw new CniError(
    "io",
    `the daemon of the dhcp plugin does not start: see ${dir}/background.log`,
  );
}
