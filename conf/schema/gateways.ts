/** A tenant's ways out: its gateways, and networks with gateways of their own. */
import { mtu, onGatewayLoss, PREFIX_PATTERN } from "./routes";
import { ADDRESS_PATTERN, DEVICE_PATTERN, type Schema } from "./shared";

const gateway = {
  type: "object",
  additionalProperties: false,
  errorMessage: 'write it as {"via": "10.10.10.131", "dev": "eth1"}',
  properties: {
    via: {
      type: "string",
      pattern: ADDRESS_PATTERN,
      description: "Address of the next hop, IPv4 or IPv6.",
      errorMessage: "write one IPv4 or IPv6 address, without prefix length or zone",
    },
    dev: {
      type: "string",
      pattern: DEVICE_PATTERN,
      description: "Interface of the node that leads to it.",
      errorMessage: "write an interface name of 1 to 15 characters, such as eth1",
    },
    weight: {
      type: "integer",
      minimum: 1,
      maximum: 256,
      description: "Share of this gateway among those that it is listed with, 1 to 256.",
      errorMessage: "write a whole number from 1 to 256",
    },
    check: {
      type: "string",
      pattern: ADDRESS_PATTERN,
      description:
        "Address that `wrapper routes watch` pings to tell whether this gateway works; it is always reached " +
        "through this gateway. Left out, the neighbour table is asked for `via`.",
      errorMessage: "write one IPv4 or IPv6 address behind the gateway, without prefix length",
    },
  },
} as const satisfies Schema;

export const gateways = {
  type: "array",
  minItems: 1,
  errorMessage: 'list at least one gateway, such as [{"via": "10.10.10.131", "dev": "eth1"}]',
  items: gateway,
} as const satisfies Schema;

const NETWORK = 'write a network such as "198.51.100.0/24"';

export const tenantRoutes = {
  type: "array",
  minItems: 1,
  description:
    "Networks that the tenant's packets reach by gateways of their own, beside the tenant's `gateways`; the longest prefix wins. " +
    "Used by the node routes. Needs `table`.",
  errorMessage:
    'list at least one entry, such as [{"to": ["198.51.100.0/24"], "gateways": [{"via": "10.10.20.1"}]}]',
  items: {
    type: "object",
    additionalProperties: false,
    required: ["to", "gateways"],
    errorMessage:
      'write it as {"to": ["198.51.100.0/24"], "gateways": [{"via": "10.10.20.1", "dev": "eth2"}]}',
    properties: {
      to: {
        type: "array",
        minItems: 1,
        uniqueItems: true,
        description: "The networks, of either family or both; each network once in a tenant.",
        errorMessage: 'list at least one network, such as ["198.51.100.0/24", "2001:db8:5::/48"]',
        items: { type: "string", pattern: PREFIX_PATTERN, errorMessage: NETWORK },
      },
      gateways: {
        ...gateways,
        description:
          "The ways there, written as the tenant's `gateways`. A gateway that is in several lists is one gateway: " +
          "it is asked once, and lost in all of them.",
      },
      onGatewayLoss: {
        ...onGatewayLoss,
        description:
          "What packets to these networks do when none of these gateways is left: `stop` (unreachable), or `fallback` " +
          "to the tenant's own `gateways`; without one of those left they stop. Never to the node's default route.",
      },
      mtu: {
        ...mtu,
        description:
          "As `mtu` of the tenant, for this way alone. Left out, that of the tenant holds.",
      },
    },
  },
} as const satisfies Schema;
