/** The whole configuration of the node of the lab `external-ipam`: four tenants, four ways to an address. */
import { POD_ANNOTATIONS } from "../kit/libcni";
import type { Setup } from "../kit/lab";
import { shortJson } from "../kit/short-json";
import { ADDRESS_PLUGIN, SERVER_URL } from "./address-server";
import { DHCP_SOCKET } from "./dhcp-server";
import { ISP, POOL, type Topology, type Way } from "./topology";

export const CONFLIST = "external-ipam.conflist";
/** Stands for the prefix in the template. */
export const PREFIX_MARK = "@PREFIX@";
/** A conflist with a short delegateTimeout, for an IPAM that never answers. */
export const IMPATIENT = "impatient.conflist";
const PATIENCE = "5s";

/** Takes away what a tenant's IPAM inherits from host-local. */
const NOT_HOST_LOCAL = { ranges: null, dataDir: null, routes: null };

/** Writes the template, in which the provider's prefix is still missing. Returns its path. */
export function writeTemplate(setup: Setup, topology: Topology): string {
  return setup.write(`${CONFLIST}.in`, `${shortJson(conflist(setup, topology))}\n`);
}

/** The conflist at `text`, with another limit for delegates. Returns its path. */
export function writeImpatient({ write }: Setup, text: string): string {
  const file = JSON.parse(text) as { plugins: readonly [object, ...object[]] };
  const plugins = file.plugins.map((plugin) => ({ ...plugin, delegateTimeout: PATIENCE }));
  return write(IMPATIENT, { ...file, plugins });
}

function conflist({ dir, cniVersion }: Setup, topology: Topology): object {
  const ours = {
    type: "tenant-routing-wrapper",
    capabilities: { [POD_ANNOTATIONS]: true, ips: true },
    dataDir: `${dir}/state`,
    logFile: `${dir}/wrapper.log`,
    routes: { namesDir: `${dir}/rt_tables.d` },
    tenants: tenantsOf(dir, topology),
    delegate: {
      type: "ptp",
      ipMasq: false,
      ipam: {
        type: "host-local",
        dataDir: `${dir}/ipam`,
        ranges: POOL.plain.map((subnet) => [{ subnet }]),
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
      },
    },
  };
  return { cniVersion, name: "external-ipam", plugins: [ours] };
}

function tenantsOf(dir: string, { a, c, d }: Topology): object {
  const gateways = ({ inside }: Way, dev: string): readonly object[] =>
    inside.map((via) => ({ via, dev }));
  return {
    "tenant-a": {
      ...{ fwmark: "0x10/0xff", table: 100, gateways: gateways(a, "eth1"), pool: POOL.a },
      delegate: {
        ...{ type: "bridge", bridge: "br66", isGateway: true },
        ipam: { type: "dhcp", daemonSocketPath: `${dir}/${DHCP_SOCKET}`, ...NOT_HOST_LOCAL },
      },
    },
    "tenant-b": {
      ...{ fwmark: "0x20/0xff", table: 200, gateways: [{ via: ISP[0], dev: "isp0" }] },
      delegate: { ipam: { ranges: [[{ subnet: PREFIX_MARK }]], routes: [{ dst: "::/0" }] } },
    },
    "tenant-c": {
      ...{ fwmark: "0x30/0xff", table: 300, gateways: gateways(c, "eth3"), pool: POOL.c },
      delegate: {
        ...{ type: "bridge", bridge: "br67", isDefaultGateway: true },
        ipam: { type: ADDRESS_PLUGIN, url: SERVER_URL, ca: `${dir}/ca.pem`, ...NOT_HOST_LOCAL },
      },
    },
    "tenant-d": {
      ...{ fwmark: "0x40/0xff", table: 400, gateways: gateways(d, "eth4"), pool: POOL.d },
      delegate: {
        ...{ type: "bridge", bridge: "br68", isDefaultGateway: true },
        ipam: { type: "static", ...NOT_HOST_LOCAL },
      },
    },
  };
}
