/** The node routes: what `wrapper routes` reads, inside the plugin object. The verbs never use it. */
import {
  ADDRESS_PATTERN,
  DEVICE_PATTERN,
  duration,
  PATH_OR_EMPTY_PATTERN,
  type Schema,
} from "./shared";
import { links } from "./links";

/** An address with an optional prefix length; a rule checks that it really is one. */
export const PREFIX_PATTERN = "^[0-9a-fA-F:.]{2,45}(?:/(?:0|[1-9][0-9]{0,2}))?$";

const prefixes = (description: string, example: string) =>
  ({
    type: "array",
    uniqueItems: true,
    description,
    errorMessage: `list networks such as "${example}"`,
    items: {
      type: "string",
      pattern: PREFIX_PATTERN,
      errorMessage: `write a network such as "${example}"`,
    },
  }) as const satisfies Schema;

const priority = (description: string, byDefault: number) =>
  ({
    type: "integer",
    minimum: 1,
    maximum: 32765,
    default: byDefault,
    description,
    errorMessage: "write a whole number from 1 to 32765, below 32766 of the main table's rule",
  }) as const satisfies Schema;

const count = (description: string, byDefault: number) =>
  ({
    type: "integer",
    minimum: 1,
    maximum: 100,
    default: byDefault,
    description,
    errorMessage: "write a whole number from 1 to 100",
  }) as const satisfies Schema;

/** How the packets of a tenant are translated when they leave by its interface. */
const translation = (description: string) =>
  ({
    type: ["string", "array"],
    pattern: "^(?:none|masquerade|[0-9a-fA-F:.]{2,45})$",
    minItems: 1,
    maxItems: 2,
    uniqueItems: true,
    items: {
      type: "string",
      pattern: ADDRESS_PATTERN,
      errorMessage: 'write an address, such as "203.0.113.5"',
    },
    description,
    errorMessage:
      'write "none", "masquerade", or an address (one for each family at most), such as "203.0.113.5"',
  }) as const satisfies Schema;

export const snat = translation(
  "Source address of the tenant's packets on its gateways' interfaces: `none` keeps the pod's own, also against the " +
    "node's other masquerading; `masquerade` takes the interface's; an address, or one for each family, is written. " +
    "Left out, the node routes touch nothing. Needs the program `nft`.",
);

export const mtu = {
  type: "integer",
  minimum: 576,
  maximum: 65535,
  description:
    "Largest packet that fits the tenant's way out, where that is less than its interface says (a tunnel behind the gateway). " +
    "Written into the tenant's routes, and compared with the delegate's MTU.",
  errorMessage: "write a number of bytes from 576 to 65535, such as 1420",
} as const satisfies Schema;

export const onGatewayLoss = {
  type: "string",
  enum: ["stop", "fallback"],
  default: "stop",
  description:
    "What the tenant's packets do when none of its gateways is left: `stop` (unreachable), or `fallback` to the node's own default route.",
  errorMessage: 'use one of "stop", "fallback"',
} as const satisfies Schema;

export const poolRule = {
  type: "string",
  enum: ["auto", "on", "off"],
  default: "auto",
  description:
    "Whether packets without any tenant's mark take the tenant's table when they come from an address pool that is the tenant's alone " +
    "(its `delegate` patch gives it one): the mark may be lost with the whole firewall, an ip rule is not. " +
    "`auto` is on where `markReplies` is. With `on` and without `markReplies`, replies to clients beyond the node's default route " +
    "leave by the tenant's gateway, too.",
  errorMessage: 'use one of "auto", "on", "off"',
} as const satisfies Schema;

const nodeRoute = {
  type: "object",
  additionalProperties: false,
  required: ["dst", "via"],
  errorMessage: 'write it as {"dst": "10.200.1.0/24", "via": "192.168.1.12"}',
  properties: {
    dst: {
      type: "string",
      pattern: PREFIX_PATTERN,
      description: "Pod network of another node.",
      errorMessage: 'write a network such as "10.200.1.0/24"',
    },
    via: {
      type: "string",
      pattern: ADDRESS_PATTERN,
      description: "Address of that node.",
      errorMessage: "write one IPv4 or IPv6 address",
    },
    dev: {
      type: "string",
      pattern: DEVICE_PATTERN,
      description: "Interface of this node that leads to it.",
      errorMessage: "write an interface name of 1 to 15 characters, such as eth0",
    },
  },
} as const satisfies Schema;

const watch = {
  type: "object",
  additionalProperties: false,
  default: {},
  description: "How `wrapper routes watch` tells whether gateways work.",
  errorMessage: 'write an object such as {"interval": "2s"}',
  properties: {
    interval: duration("interval", "2s", "Time between two probes of a gateway."),
    timeout: duration("timeout", "1s", "Limit for one probe."),
    failAfter: count("Failed probes in a row after which a gateway is out.", 3),
    holdDown: duration(
      "holdDown",
      "10s",
      "Time for which a lost gateway must answer without a gap before it is used again.",
    ),
    statusFile: {
      type: "string",
      pattern: PATH_OR_EMPTY_PATTERN,
      default: "/run/tenant-routing-status.json",
      description: "Absolute path of the status, one JSON object; an empty string turns it off.",
      errorMessage: 'write an absolute path without "..", or "" to turn the status file off',
    },
  },
} as const satisfies Schema;

export const routes = {
  type: "object",
  additionalProperties: false,
  default: {},
  description: "Settings of the node routes (`wrapper routes`) that are not of one tenant.",
  errorMessage: 'write an object such as {"excludeDestinations": ["169.254.0.0/16"]}',
  properties: {
    tenantPriority: priority("Priority of the rules that lead marks to their tables.", 32765),
    localPriority: priority(
      "Priority of the rule before them that keeps to the main table what it knows better than by a default route.",
      32764,
    ),
    excludePriority: priority(
      "Priority of the rules before that for `excludeDestinations`.",
      32763,
    ),
    excludeDestinations: {
      ...prefixes(
        "Networks that tenants' packets reach by the main table too, whatever it says. The default is the cloud's metadata service.",
        "169.254.169.254/32",
      ),
      default: ["169.254.169.254/32", "fd00:ec2::254/128"],
    },
    podNetworks: prefixes(
      "The pod networks of the cluster, all nodes together; `masquerade` and `acceptForward` are about them.",
      "10.200.0.0/16",
    ),
    nodeRoutes: {
      type: "array",
      description:
        "Routes of the main table to the pod networks of the other nodes, where nothing else makes them.",
      errorMessage: 'list routes such as {"dst": "10.200.1.0/24", "via": "192.168.1.12"}',
      items: nodeRoute,
    },
    links,
    masquerade: {
      type: "boolean",
      default: false,
      description:
        "Whether packets of pods without a tenant take the node's address when they leave `podNetworks`. Needs `podNetworks`.",
      errorMessage: "write true or false",
    },
    acceptForward: {
      type: "boolean",
      default: false,
      description:
        "Whether forwarding from and to `podNetworks` is accepted before a FORWARD policy or rule that drops it. Needs `podNetworks`.",
      errorMessage: "write true or false",
    },
    namesDir: {
      type: "string",
      pattern: PATH_OR_EMPTY_PATTERN,
      default: "/etc/iproute2/rt_tables.d",
      description:
        "Directory where the tenants' tables get names for `ip route show table NAME`; an empty string turns it off.",
      errorMessage: 'write an absolute path without "..", or "" for no names',
    },
    watch,
  },
} as const satisfies Schema;

const uplink = {
  type: "object",
  additionalProperties: false,
  required: ["dev"],
  errorMessage: 'write it as {"dev": "wan0", "via": ["203.0.113.1"]}',
  properties: {
    dev: {
      type: "string",
      pattern: DEVICE_PATTERN,
      description: "Interface of the router.",
      errorMessage: "write an interface name of 1 to 15 characters, such as wan0",
    },
    via: {
      type: "array",
      minItems: 1,
      maxItems: 2,
      description:
        "Next hops, one for each family at most; left out, the interface itself is the way (a tunnel).",
      errorMessage: 'list addresses such as ["203.0.113.1", "2001:db8::1"]',
      items: {
        type: "string",
        pattern: ADDRESS_PATTERN,
        errorMessage: "write one IPv4 or IPv6 address",
      },
    },
    table: {
      type: "integer",
      minimum: 1,
      maximum: 0xffffffff,
      not: { enum: [253, 254, 255] },
      description: "The router's routing table for it; the tenant's own `table` by default.",
      errorMessage: "write a number from 1 to 4294967295 other than 253, 254 and 255",
    },
    snat: { ...translation("Translation of IPv4 packets that leave here."), default: "masquerade" },
    snat6: { ...translation("Translation of IPv6 packets that leave here."), default: "none" },
  },
} as const satisfies Schema;

export const router = {
  type: "object",
  additionalProperties: false,
  description:
    "The upstream router that tells tenants apart by their address pools; used only by `wrapper routes router-config`.",
  required: ["nodes", "uplinks"],
  errorMessage: 'write it as {"nodes": ["10.0.0.11"], "uplinks": {"default": {"dev": "wan0"}}}',
  properties: {
    nodes: {
      type: "array",
      minItems: 1,
      maxItems: 2,
      description:
        "This node's addresses on the router's network, one for each family: the way back to its pods.",
      errorMessage: 'list addresses such as ["10.0.0.11", "fd00::11"]',
      items: {
        type: "string",
        pattern: ADDRESS_PATTERN,
        errorMessage: "write one IPv4 or IPv6 address",
      },
    },
    lan: prefixes("Networks that every pod reaches by the router's main table.", "10.0.0.0/8"),
    uplinks: {
      type: "object",
      minProperties: 1,
      propertyNames: {
        pattern: "^[A-Za-z0-9][-A-Za-z0-9_.]{0,62}$",
        errorMessage: 'use the name of a tenant, or "default"',
      },
      additionalProperties: uplink,
      description:
        "The way out for each tenant with an address pool of its own, by the tenant's name; `default` is for all other pods.",
      errorMessage: 'map tenant names to uplinks, such as {"vpn": {"dev": "vpn0"}}',
    },
  },
} as const satisfies Schema;
