/** The labs, each loaded when it is run. */
import type { Lab } from "./kit/lab";

interface Entry {
  /** One line, as the lab's own. */
  readonly title: string;
  readonly load: () => Promise<Lab>;
}

/** In the order in which `wrapper lab all` runs them. */
export const LABS: Readonly<Record<string, Entry>> = {
  tenants: {
    title: "two tenants on one node, each with its own gateway, and what happens when one is lost",
    load: async () => (await import("./tenants/lab")).tenants,
  },
  vpn: {
    title: "chained as in k3s, named marks, annotations from the runtime, a VPN uplink for one pod",
    load: async () => (await import("./vpn/lab")).vpn,
  },
  "gateway-pod": {
    title:
      "a tenant whose gateway is a pod, on its node or behind a VXLAN, and a second one that takes over",
    load: async () => (await import("./gateway-pod/lab")).gatewayPod,
  },
  "source-pool": {
    title: "a tenant with an address pool of its own, told apart by the router behind the node",
    load: async () => (await import("./source-pool/lab")).sourcePool,
  },
  "bare-bridge": {
    title:
      "two bare nodes become a pod network with the bridge plugin, routes between them, and one tenant",
    load: async () => (await import("./bare-bridge/lab")).bareBridge,
  },
  agent: {
    title: "a resident agent under steady traffic: killed, frozen, upgraded, its work undone",
    load: async () => (await import("./agent/lab")).agent,
  },
  "external-ipam": {
    title: "addresses from DHCP, a provider's prefix, a company's own IPAM, and an annotation",
    load: async () => (await import("./external-ipam/lab")).externalIpam,
  },
};
