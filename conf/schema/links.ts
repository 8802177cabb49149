/** The links of the node routes' part of the schema. */
import { ADDRESS_PATTERN, DEVICE_PATTERN, type Schema } from "./shared";

const device = (description: string) =>
  ({
    type: "string",
    pattern: DEVICE_PATTERN,
    description,
    errorMessage: "write an interface name of 1 to 15 characters, such as eth1",
  }) as const satisfies Schema;

const address = (description: string, example: string) =>
  ({
    type: "string",
    pattern: ADDRESS_PATTERN,
    description,
    errorMessage: `write one IPv4 or IPv6 address, such as "${example}"`,
  }) as const satisfies Schema;

const link = {
  type: "object",
  additionalProperties: false,
  required: ["type"],
  errorMessage: 'write it as {"type": "macvlan", "parent": "eth0"}',
  properties: {
    type: {
      type: "string",
      enum: ["macvlan", "vlan", "bridge", "vxlan", "dummy"],
      description: "What it is.",
      errorMessage: 'use one of "macvlan", "vlan", "bridge", "vxlan", "dummy"',
    },
    parent: device(
      "The interface that it is made on, the node's own or another one of `links`: needed by `macvlan`, `vlan` and " +
        "a `vxlan` with a `group`.",
    ),
    id: {
      type: "integer",
      minimum: 1,
      maximum: 16777215,
      description: "VLAN ID (1 to 4094) or VXLAN network identifier; needed by `vlan` and `vxlan`.",
      errorMessage: "write a whole number from 1 to 4094 (VLAN) or 16777215 (VXLAN)",
    },
    mode: {
      type: "string",
      enum: ["bridge", "private", "vepa", "passthru"],
      description: "How the `macvlan`s of one parent reach each other; `bridge` when left out.",
      errorMessage: 'use one of "bridge", "private", "vepa", "passthru"',
    },
    remotes: {
      type: "array",
      uniqueItems: true,
      description:
        "Addresses of the other ends of a `vxlan`, of one family. The node's own address may be among them and is " +
        "passed over, so that one list serves all nodes.",
      errorMessage: 'list addresses such as ["10.0.0.11", "10.0.0.12"]',
      items: {
        type: "string",
        pattern: ADDRESS_PATTERN,
        errorMessage: 'write one IPv4 or IPv6 address, such as "10.0.0.11"',
      },
    },
    group: address(
      "Multicast group by which the ends of a `vxlan` find each other, instead of `remotes`.",
      "239.50.0.1",
    ),
    local: address("Source address of a `vxlan`'s packets.", "10.0.0.11"),
    port: {
      type: "integer",
      minimum: 1,
      maximum: 65535,
      description: "UDP port of a `vxlan`; 4789 when left out.",
      errorMessage: "write a port number from 1 to 65535",
    },
    addresses: {
      type: "array",
      uniqueItems: true,
      description: "Its addresses with their prefix lengths, both families.",
      errorMessage: 'list addresses such as ["192.168.2.10/24", "fd00:2::10/64"]',
      items: {
        type: "string",
        pattern: "^[0-9a-fA-F:.]{2,45}/(?:0|[1-9][0-9]{0,2})$",
        errorMessage: 'write an address with its prefix length, such as "192.168.2.10/24"',
      },
    },
    mtu: {
      type: "integer",
      minimum: 576,
      maximum: 65535,
      description:
        "Its MTU; left out, the kernel chooses. One that its parent does not allow is reported, and less is used.",
      errorMessage: "write a number of bytes from 576 to 65535, such as 1450",
    },
    mac: {
      type: "string",
      pattern: "^[0-9a-fA-F][02468aceACE](?::[0-9a-fA-F]{2}){5}$",
      description:
        "Its hardware address; left out, the kernel chooses, and a bridge changes it with its ports.",
      errorMessage: 'write a unicast hardware address, such as "02:00:00:00:00:01"',
    },
    ports: {
      type: "array",
      uniqueItems: true,
      description:
        "The ports of a `bridge`, interfaces of the node or of `links`. Ports that others add stay.",
      errorMessage: 'list interfaces such as ["vxlan7"]',
      items: {
        type: "string",
        pattern: DEVICE_PATTERN,
        errorMessage: "write an interface name of 1 to 15 characters, such as eth1",
      },
    },
  },
} as const satisfies Schema;

export const links = {
  type: "object",
  maxProperties: 256,
  description:
    "Links that the node routes make, by name, and remove again. A link that somebody else made is never changed.",
  errorMessage: 'map names to links, such as {"vpn0": {"type": "macvlan", "parent": "eth0"}}',
  propertyNames: {
    pattern: DEVICE_PATTERN,
    errorMessage: "name a link with 1 to 15 characters, such as vpn0",
  },
  additionalProperties: link,
} as const satisfies Schema;
