/** Four tenants whose addresses others give out: DHCP, a provider's prefix, a company's own IPAM, an annotation. */
import { startResponder } from "../kit/calls";
import type { Lab, Setup } from "../kit/lab";
import type { Background } from "../kit/machines";
import { createRuntime } from "../kit/runtime";
import { prepareAddressServer } from "./address-server";
import { CONFLIST, writeTemplate } from "./conflist";
import { startDhcpDaemon } from "./dhcp-server";
import type { Fixture } from "./fixture";
import { prefixFrom, startPrefixClient, startProvider } from "./prefix";
import { RULES, showRemoval } from "./removal";
import { showDhcp } from "./tenant-a";
import { showPrefix } from "./tenant-b";
import { showAddressServer } from "./tenant-c";
import { showFixed } from "./tenant-d";
import { buildTopology, PICTURE, PREFIXES, type Topology } from "./topology";

export const externalIpam: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables", "dnsmasq", "kea-dhcp6", "dhclient", "openssl", "curl"],
  plugins: ["ptp", "bridge", "host-local", "dhcp", "static"],
  run,
  lookAround: ({ workspace: { prefix }, dir, binary }) => [
    `cat ${dir}/dhcp.leases ${dir}/addresses.json ${dir}/delegated-prefix`,
    `ip netns exec ${prefix}-node iptables-save -t mangle`,
    `ip netns exec ${prefix}-node ${binary} status --only pods --conf ${dir}/${CONFLIST}`,
  ],
};

async function run(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const { stdout: rulesBefore } = await topology.node.run(["sh", "-c", RULES]);
  await startResponder(setup, topology.internet, 80, "server");
  await prepareAddressServer(setup);
  await startDhcpDaemon(setup, topology.node);
  const provider = await showConfiguration(setup, topology);
  if (provider === undefined)
    return setup.transcript.say("Without the provider's prefix there is nothing more to show.");
  const conflist = `${setup.dir}/${CONFLIST}`;
  const runtime = createRuntime(setup, topology.node, conflist);
  const fixture: Fixture = { setup, topology, conflist, runtime, pods: [] };
  await showDhcp(fixture);
  await showAddressServer(fixture);
  await showFixed(fixture);
  await showPrefix(fixture, provider);
  if (!setup.keep) await showRemoval(fixture, rulesBefore);
}

/** The provider delegates the first prefix, with which the conflist is complete. Returns the provider's server. */
async function showConfiguration(
  setup: Setup,
  topology: Topology,
): Promise<Background | undefined> {
  const { transcript, wrapper, dir } = setup;
  await transcript.heading("One conflist, four tenants; the provider delegates tenant B's prefix");
  writeTemplate(setup, topology);
  const provider = await startProvider(setup, topology.isp, PREFIXES[0]);
  await startPrefixClient(setup, topology.node);
  const prefix = await prefixFrom(setup, "2001:db8:b");
  const isThere = transcript.statement(
    "the node's DHCPv6 client has a /60 of the provider, and has put its first /64 into the conflist",
    prefix.endsWith("/60"),
  );
  if (!isThere) return undefined;
  await topology.node.show(["cat", `${dir}/${CONFLIST}`], { as: `cat ${CONFLIST}` });
  const words = ["routes", "apply", "--sysctl", "--conf", `${dir}/${CONFLIST}`];
  const { status } = await wrapper(topology.node, words, { silent: true });
  transcript.statement("wrapper routes apply succeeds", status === 0);
  return provider;
}
