/** The resident agent's part of the schema. */
import { ADDRESS_PATTERN, duration, PATH_PATTERN, type Schema } from "./shared";

export const agent = {
  type: "object",
  additionalProperties: false,
  default: {},
  description: "Settings of `wrapper agent`; without an agent they have no effect.",
  errorMessage: 'write an object such as {"requests": 32}',
  properties: {
    socket: {
      type: "string",
      pattern: PATH_PATTERN,
      default: "/run/tenant-routing/agent.sock",
      description:
        "Absolute path of the socket on which the agent listens, in a directory of root's. " +
        "The launcher reads no configuration: give it another path by the environment variable " +
        "`TENANT_ROUTING_AGENT_SOCKET` of the container runtime.",
      errorMessage: 'write an absolute path without "..", such as "/run/tenant-routing/agent.sock"',
    },
    requests: {
      type: "integer",
      minimum: 1,
      maximum: 1000,
      default: 32,
      description: "Requests that the agent works on at a time; the others wait for their turn.",
      errorMessage: "write a whole number from 1 to 1000",
    },
    queueTimeout: duration(
      "queueTimeout",
      "30s",
      "Limit for waiting for a turn; after it the runtime is told to try again later.",
    ),
    reconcileInterval: duration(
      "reconcileInterval",
      "10s",
      "Time between two comparisons of the record with what is installed; a change of the firewall is noticed at once.",
    ),
    namespaceInterval: duration(
      "namespaceInterval",
      "10s",
      "Time between two looks at the annotations of a namespace, where namespaces may not be watched.",
    ),
    lookInterval: duration(
      "lookInterval",
      "2m",
      "Time between two looks at the node as `wrapper status` does, for the figures.",
    ),
    metricsPort: {
      type: "integer",
      minimum: 1,
      maximum: 65535,
      description:
        "TCP port for `/metrics`, `/healthz` and `/readyz`. Left out, they are on the agent's socket only.",
      errorMessage: "write a port number from 1 to 65535",
    },
    metricsAddress: {
      type: "string",
      pattern: ADDRESS_PATTERN,
      default: "127.0.0.1",
      description: "Address of this node for that port.",
      errorMessage: "write one IPv4 or IPv6 address of this node",
    },
  },
} as const satisfies Schema;
