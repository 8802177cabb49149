import type { PluginConf, RoutesConf, Tenant } from "../../conf/types";

/** A valid configuration for unit tests; pass what the test is about. */
export function confWith(part: Partial<PluginConf> = {}): PluginConf {
  return {
    name: "net",
    cniVersion: "1.0.0",
    type: "tenant-routing-wrapper",
    delegate: { type: "noop" },
    kubeconfig: "/k",
    annotationKeys: ["tenant.routing/fwmark"],
    tenants: undefined,
    defaultMask: 0xffffffff,
    onError: "deny",
    onAnnotationChange: "apply",
    exemptNamespaces: [],
    markReplies: false,
    backend: "auto",
    guard: true,
    iptables: "auto",
    dataDir: "/run/x",
    logFile: undefined,
    logLevel: "info",
    apiTimeoutMs: 1000,
    delegateTimeoutMs: 1000,
    lockTimeoutMs: 1000,
    runtimeConfig: undefined,
    args: undefined,
    dns: undefined,
    prevResult: undefined,
    gc: {},
    routes: routesWith(),
    router: undefined,
    agent: {
      socket: "/run/x/agent.sock",
      requests: 32,
      queueTimeoutMs: 1000,
      reconcileIntervalMs: 10_000,
      namespaceIntervalMs: 10_000,
      lookIntervalMs: 120_000,
      metricsAddress: "127.0.0.1",
      metricsPort: undefined,
    },
    ...part,
  };
}

export function tenantWith(part: Partial<Tenant> = {}): Tenant {
  return {
    name: "tenant-a",
    mark: { value: 0x10, mask: 0xff },
    namespaces: undefined,
    table: undefined,
    gateways: [],
    routes: [],
    snat: undefined,
    mtu: undefined,
    onGatewayLoss: "stop",
    poolRule: "auto",
    pool: undefined,
    delegate: undefined,
    ...part,
  };
}

export function routesWith(part: Partial<RoutesConf> = {}): RoutesConf {
  return {
    tenantPriority: 32765,
    localPriority: 32764,
    excludePriority: 32763,
    excludeDestinations: [],
    podNetworks: [],
    nodeRoutes: [],
    links: [],
    masquerade: false,
    acceptForward: false,
    namesDir: undefined,
    watch: {
      intervalMs: 2000,
      timeoutMs: 1000,
      failAfter: 3,
      holdDownMs: 10_000,
      statusFile: undefined,
    },
    ...part,
  };
}
