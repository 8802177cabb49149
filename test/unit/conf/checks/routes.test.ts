/** The section `routes`: priorities, exclusions, pod networks, node routes, the watcher. */
import type { Json } from "../../../../lib/cni/json";
import { expectAccepted, expectProblems, type Changes } from "../helpers";

const routes = (part: Json): Changes => ({ routes: part });
const NETWORK = 'write a network such as "169.254.169.254/32"';
const POD_NETWORK = 'write a network such as "10.200.0.0/16"';
const NODE_NETWORK = 'write a network such as "10.200.1.0/24"';
const HOST = "write one IPv4 or IPv6 address";
const PRIORITY = "write a whole number from 1 to 32765, below 32766 of the main table's rule";
const ORDER = "which are not in this order: write excludePriority < localPriority < tenantPriority";

describe("each of these is refused, in these words", () => {
  test.each<[string, Changes, string]>([
    [
      "equal priorities",
      routes({ tenantPriority: 32764 }),
      `/routes has priorities 32763 (exclude), 32764 (local) and 32764 (tenant), ${ORDER}`,
    ],
    [
      "exclusions after the main table",
      routes({ excludePriority: 32764 }),
      `/routes has priorities 32764 (exclude), 32764 (local) and 32765 (tenant), ${ORDER}`,
    ],
    [
      "a priority behind main's",
      routes({ tenantPriority: 32766 }),
      `/routes/tenantPriority is 32766, which is not valid: ${PRIORITY}`,
    ],
    [
      "a priority as text",
      routes({ localPriority: "100" }),
      `/routes/localPriority is "100", not of type integer: ${PRIORITY}`,
    ],
    [
      "an exclusion that is none",
      routes({ excludeDestinations: ["10.0.0.0/8", "300.1.1.1"] }),
      `/routes/excludeDestinations/1 is "300.1.1.1", which is no address or network: ${NETWORK}`,
    ],
    [
      "an exclusion with a long prefix",
      routes({ excludeDestinations: ["10.0.0.0/33"] }),
      `/routes/excludeDestinations/0 is "10.0.0.0/33", which is no address or network: ${NETWORK}`,
    ],
    [
      "everything excluded",
      routes({ excludeDestinations: ["0.0.0.0/0"] }),
      `/routes/excludeDestinations/0 is "0.0.0.0/0", which would exclude every destination: ${NETWORK}`,
    ],
    [
      "everything of IPv6 excluded",
      routes({ excludeDestinations: ["::1/0"] }),
      `/routes/excludeDestinations/0 is "::1/0", which would exclude every destination: ${NETWORK}`,
    ],
    [
      "an exclusion by name",
      routes({ excludeDestinations: ["metadata"] }),
      `/routes/excludeDestinations/0 is "metadata", which is not valid: ${NETWORK}`,
    ],
    [
      "one network as text",
      routes({ podNetworks: "10.0.0.0/8" }),
      '/routes/podNetworks is "10.0.0.0/8", not of type array: list networks such as "10.200.0.0/16"',
    ],
    [
      "a network twice",
      routes({ podNetworks: ["10.0.0.0/8", "10.0.0.0/8"] }),
      '/routes/podNetworks is ["10.0.0.0/8","10.0.0.0/8"], which has an item twice: write every item once',
    ],
    [
      "a pod network that is none",
      routes({ podNetworks: ["1:2"] }),
      `/routes/podNetworks/0 is "1:2", which is no address or network: ${POD_NETWORK}`,
    ],
    [
      "every address a pod's",
      routes({ podNetworks: ["::/0"] }),
      `/routes/podNetworks/0 is "::/0", which would make every address a pod's: ${POD_NETWORK}`,
    ],
    [
      "masquerading nobody knows what",
      routes({ masquerade: true }),
      '/routes/podNetworks is missing, which "masquerade" needs: list the pod networks of the cluster, such as ["10.200.0.0/16"]',
    ],
    [
      "forwarding nobody knows what",
      routes({ acceptForward: true, podNetworks: [] }),
      '/routes/podNetworks is missing, which "acceptForward" needs: list the pod networks of the cluster, such as ["10.200.0.0/16"]',
    ],
    [
      "a node route without next hop",
      routes({ nodeRoutes: [{ dst: "10.0.0.0/8" }] }),
      `/routes/nodeRoutes/0/via is missing: write one IPv4 or IPv6 address`,
    ],
    [
      "a node route to no network",
      routes({ nodeRoutes: [{ dst: "10.0.0", via: "10.0.0.1" }] }),
      `/routes/nodeRoutes/0/dst is "10.0.0", which is no address or network: ${NODE_NETWORK}`,
    ],
    [
      "a node route to everything",
      routes({ nodeRoutes: [{ dst: "0.0.0.0/0", via: "10.0.0.1" }] }),
      `/routes/nodeRoutes/0/dst is "0.0.0.0/0", which would be a default route: ${NODE_NETWORK}`,
    ],
    [
      "a node route by no host",
      routes({ nodeRoutes: [{ dst: "10.0.0.0/8", via: "127.0.0.1" }] }),
      `/routes/nodeRoutes/0/via is "127.0.0.1", which is not the address of a host: ${HOST}`,
    ],
    [
      "a node route of two families",
      routes({ nodeRoutes: [{ dst: "fd00::/8", via: "10.0.0.1" }] }),
      "/routes/nodeRoutes/0 has addresses of two families: write dst and via of the same family",
    ],
    [
      "two node routes to one network",
      routes({
        nodeRoutes: [
          { dst: "10.9.1.0/24", via: "10.0.0.1" },
          { dst: "10.9.1.7/24", via: "10.0.0.2" },
        ],
      }),
      '/routes/nodeRoutes/1/dst is "10.9.1.7/24", as of another route: write one route for each network',
    ],
    [
      "a names directory that climbs",
      routes({ namesDir: "/etc/../x" }),
      '/routes/namesDir is "/etc/../x", which is not valid: write an absolute path without "..", or "" for no names',
    ],
    [
      "a status file that is relative",
      routes({ watch: { statusFile: "x" } }),
      '/routes/watch/statusFile is "x", which is not valid: write an absolute path without "..", or "" to turn the status file off',
    ],
    [
      "too short an interval",
      routes({ watch: { interval: "99ms" } }),
      '/routes/watch/interval is "99ms", which is out of range: write a whole number and its unit (ms, s or m), from 100ms to 10m, such as "2s"',
    ],
    [
      "too long a limit",
      routes({ watch: { timeout: "2m" } }),
      '/routes/watch/timeout is "2m", which is out of range: write a whole number and its unit (ms, s or m), from 100ms to 1m, such as "1s"',
    ],
    [
      "too long a hold-down",
      routes({ watch: { holdDown: "61m" } }),
      '/routes/watch/holdDown is "61m", which is out of range: write a whole number and its unit (ms, s or m), from 100ms to 60m, such as "10s"',
    ],
    [
      "a count of 0",
      routes({ watch: { failAfter: 0 } }),
      "/routes/watch/failAfter is 0, which is not valid: write a whole number from 1 to 100",
    ],
  ])("%s", (_title, changes, text) => {
    expectProblems(changes, text);
  });
});

test.each<[string, Changes]>([
  [
    "priorities around Cilium's",
    routes({ excludePriority: 90, localPriority: 101, tenantPriority: 102 }),
  ],
  [
    "single hosts and both families",
    routes({
      excludeDestinations: ["169.254.169.254", "fd00:ec2::254", "::ffff:0:0/96"],
      podNetworks: ["10.0.0.0/8", "fd00::/8"],
      masquerade: true,
      acceptForward: true,
    }),
  ],
  ["nothing excluded", routes({ excludeDestinations: [] })],
  [
    "a node route by a link-local address",
    routes({
      nodeRoutes: [
        { dst: "fd00:1::/64", via: "fe80::1", dev: "eth0" },
        { dst: "fd00::/8", via: "fe80::1", dev: "eth0" },
      ],
    }),
  ],
])("accepted: %s", (_title, changes) => {
  expectAccepted(changes);
});
