/** The provider of the lab `external-ipam` delegates an IPv6 prefix, and the node's client puts it into the conflist. */
import { chmodSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Setup } from "../kit/lab";
import type { Background, Machine } from "../kit/machines";
import { CONFLIST, PREFIX_MARK } from "./conflist";
import { ownCopy, STARTS_MS } from "./programs";
import { ISP } from "./topology";

/** Seconds until the client asks again. */
const RENEW = 2;
const PREFIX_FILE = "delegated-prefix";

/** Starts kea; each client gets a /60 of `pool`. The provider routes what it delegates, and only that. */
export async function startProvider(setup: Setup, isp: Machine, pool: string): Promise<Background> {
  const { dir, write } = setup;
  const [prefix = "", length] = pool.split("/");
  const config = {
    Dhcp6: {
      "interfaces-config": { interfaces: ["lan"] },
      "lease-database": {
        ...{ type: "memfile", persist: true, name: `${dir}/kea-leases.csv` },
        "lfc-interval": 0,
      },
      "server-id": { type: "LL", htype: 1, identifier: "020000000001", persist: false },
      ...{ "renew-timer": RENEW, "rebind-timer": 2 * RENEW },
      ...{ "preferred-lifetime": 300, "valid-lifetime": 600 },
      subnet6: [
        {
          ...{ id: 1, subnet: "2001:db8:2::/64", interface: "lan" },
          "pd-pools": [{ prefix, "prefix-len": Number(length), "delegated-len": 60 }],
        },
      ],
      loggers: [
        {
          ...{ name: "kea-dhcp6", severity: "INFO" },
          output_options: [{ output: `${dir}/kea.log` }],
        },
      ],
    },
  };
  await isp.ip(`-6 route replace ${pool} via ${ISP[1]} dev lan`);
  const file = write("kea.json", config);
  // Of one that was killed: it counts as running until its parent has asked how it ended.
  rmSync(`${dir}/kea.kea-dhcp6.pid`, { force: true });
  const env = [`KEA_PIDFILE_DIR=${dir}`, `KEA_LOCKFILE_DIR=${dir}`];
  return isp.background(["env", ...env, ownCopy(setup, "kea-dhcp6"), "-c", file]);
}

/** What an operator would give to a DHCPv6 client: the first /64 of the prefix becomes tenant B's range. */
const HOOK = `#!/bin/sh
case $reason in BOUND6 | RENEW6 | REBIND6 | REBOOT) ;; *) exit 0 ;; esac
[ -n "$new_ip6_prefix" ] && [ "$new_preferred_life" != 0 ] || exit 0
cd "\${0%/*}" || exit
[ "$(cat ${PREFIX_FILE} 2>/dev/null)" != "$new_ip6_prefix" ] || exit 0
sed "s|${PREFIX_MARK}|\${new_ip6_prefix%/*}/64|" ${CONFLIST}.in >${CONFLIST}.new
mv ${CONFLIST}.new ${CONFLIST}
echo "$new_ip6_prefix" >${PREFIX_FILE}
`;

/** Starts the node's client, which keeps the conflist at the provider's prefix. */
export async function startPrefixClient(setup: Setup, node: Machine): Promise<Background> {
  const { dir, write } = setup;
  const hook = write("prefix-hook", HOOK);
  chmodSync(hook, 0o755);
  const config = write("dhclient.conf", "");
  return node.background([
    ...[ownCopy(setup, "dhclient"), "-6", "-P", "-d", "-cf", config, "-sf", hook],
    ...["-lf", `${dir}/dhclient.leases`, "-pf", `${dir}/dhclient.pid`, "isp0"],
  ]);
}

/** Waits for a prefix that begins with these letters. Returns it; "" when none comes. */
export async function prefixFrom({ dir, shell }: Setup, start: string): Promise<string> {
  const path = join(dir, PREFIX_FILE);
  const prefix = (): string => (existsSync(path) ? readFileSync(path, "utf8").trim() : "");
  return (await shell.until(() => prefix().startsWith(start), STARTS_MS)) ? prefix() : "";
}
