/** The building blocks of the schema that occur more than once, and the tenants. */
import { mtu, onGatewayLoss, poolRule, PREFIX_PATTERN, snat } from "./routes";
import { gateways, tenantRoutes } from "./gateways";
import type { Schema } from "./shared";

const UINT32 = "(?:0[xX][0-9a-fA-F]{1,8}|0|[1-9][0-9]{0,9})";
const MAX_UINT32 = 0xffffffff;

/** A mark, or a mask, as text: `0x10`, `16`, with `/mask` where a mark is meant. */
const MARK_PATTERN = `^${UINT32}(?:/${UINT32})?$`;
export const UINT32_PATTERN = `^${UINT32}$`;

/** A file name in CNI_PATH, never a path (CVE-2021-20206). */
export const PLUGIN_TYPE_PATTERN = "^(?!\\.{1,2}$)[^/\\x00-\\x1f\\x7f]{1,255}$";
/** Kubernetes' qualified name: an optional DNS prefix, then up to 63 characters. */
const ANNOTATION_KEY =
  "(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
export const ANNOTATION_KEY_PATTERN = `^${ANNOTATION_KEY}$`;
const NAMESPACE_GLOB_PATTERN = "^[a-z0-9*](?:[-a-z0-9*]{0,61}[a-z0-9*])?$";
// Not a number: a tenant called "16" could not be told from the mark 16.
const TENANT_NAME_PATTERN = "^(?![0-9]+$|0[xX])[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

const namespaceGlobs = {
  type: "array",
  uniqueItems: true,
  errorMessage: 'list namespace names or globs, such as ["team-a", "team-a-*"]',
  items: {
    type: "string",
    pattern: NAMESPACE_GLOB_PATTERN,
    errorMessage: "write a namespace name, in which * stands for any characters",
  },
} as const satisfies Schema;

export const exemptNamespaces = {
  ...namespaceGlobs,
  description:
    "Namespaces (names and `*` globs) whose pods are never marked: no lookup is made and no rule is written for them.",
} as const satisfies Schema;

export const delegate = {
  type: "object",
  description:
    "The netconf of the plugin that makes the interface, such as `ptp` or `bridge`; " +
    "`name` and `cniVersion` are filled in. Without it the wrapper runs chained, after a main plugin of the same list.",
  errorMessage: 'write the netconf of the plugin to run, such as {"type": "ptp", "ipam": {...}}',
  required: ["type"],
  properties: {
    type: {
      type: "string",
      pattern: PLUGIN_TYPE_PATTERN,
      description: "File name of the delegate plugin; it is searched in CNI_PATH.",
      errorMessage:
        'use the file name of a plugin in CNI_PATH, such as "ptp", without "/" or control characters',
    },
  },
} as const satisfies Schema;

const tenant = {
  type: "object",
  additionalProperties: false,
  required: ["fwmark"],
  dependencies: { gateways: ["table"], routes: ["table"] },
  errorMessage: 'a tenant is an object such as {"fwmark": "0x10/0xff"}',
  properties: {
    fwmark: {
      type: "string",
      pattern: MARK_PATTERN,
      description:
        "Mark of the tenant's packets, `value` or `value/mask`, decimal or hexadecimal; " +
        "only the bits of the mask are written. Without a mask, `mask` of the plugin object applies.",
      errorMessage: 'write value and mask as text, such as "0x10/0xff"',
      examples: ["0x10/0xff"],
    },
    namespaces: {
      ...namespaceGlobs,
      minItems: 1,
      description:
        "Namespaces (names and `*` globs) whose pods may use the tenant; left out, every namespace may use it.",
      errorMessage:
        'list at least one namespace or glob, such as ["team-a", "team-a-*"], or leave it out to allow all',
    },
    table: {
      type: "integer",
      minimum: 1,
      maximum: MAX_UINT32,
      not: { enum: [253, 254, 255] },
      description: "Number of the routing table for the tenant's packets; used by the node routes.",
      errorMessage:
        "write a number from 1 to 4294967295 other than 253, 254 and 255, which are the kernel's",
    },
    gateways: {
      ...gateways,
      description:
        "Ways out for the tenant's packets, each with `via`, `dev` or both, and an optional `weight`; " +
        "used by the node routes. Needs `table`.",
    },
    routes: tenantRoutes,
    snat,
    mtu,
    onGatewayLoss,
    poolRule,
    pool: {
      type: "array",
      minItems: 1,
      description:
        "Networks that every address of the tenant's pods is in, whichever IPAM gives it; an ADD that brings another one " +
        "is refused and undone. Left out, any address is taken. Say it where the IPAM does not know such a limit " +
        "(`static`, `dhcp`, an IPAM of your own); `poolRule` and the upstream router use it, too.",
      errorMessage: 'list at least one network, such as ["10.66.0.0/24", "fd00:66::/64"]',
      items: {
        type: "string",
        pattern: PREFIX_PATTERN,
        errorMessage: 'write a network such as "10.66.0.0/24"',
      },
    },
    delegate: {
      type: "object",
      description:
        "JSON merge patch (RFC 7396) on `delegate` for the pods of this tenant: " +
        "another address pool, MTU or plugin type. A null removes a key.",
      errorMessage:
        'write the keys of the delegate to change, such as {"ipam": {"subnet": "10.200.64.0/18"}}',
    },
  },
} as const satisfies Schema;

const tenantName = {
  pattern: TENANT_NAME_PATTERN,
  errorMessage: "name a tenant with letters, digits, - _ and ., at most 63, and not as a number",
} as const satisfies Schema;

export const tenants = {
  type: "object",
  description:
    "The tenants of this node by name. A pod's annotation holds a tenant's name, or a literal equal to its mark; " +
    "anything else is refused. Left out, any non-zero mark is accepted.",
  errorMessage:
    'map at least one tenant name to its settings, such as {"tenant-a": {"fwmark": "0x10/0xff"}}',
  minProperties: 1,
  maxProperties: 1024,
  propertyNames: tenantName,
  additionalProperties: tenant,
} as const satisfies Schema;

const markNumber = (description: string, minimum: number) =>
  ({
    type: "integer",
    minimum,
    maximum: MAX_UINT32,
    description,
    errorMessage: `write a decimal number from ${minimum} to 4294967295, such as 16`,
  }) as const satisfies Schema;

export const marks = {
  type: "object",
  description:
    "Named marks in the spelling of the `fwmark` plugin: another way to write `tenants`. " +
    "It also makes `cni.fwmark.net/name` a default annotation key.",
  errorMessage: 'map at least one name to its mark, such as {"vpn": {"mark": 16, "mask": 16}}',
  minProperties: 1,
  maxProperties: 1024,
  propertyNames: tenantName,
  additionalProperties: {
    type: "object",
    additionalProperties: false,
    required: ["mark"],
    errorMessage: 'a mark is an object such as {"mark": 16, "mask": 16}',
    properties: {
      mark: markNumber("Value of the mark, decimal.", 1),
      mask: markNumber(
        "Bits of the mark that are written, decimal; 0 or left out means all 32.",
        0,
      ),
    },
  },
} as const satisfies Schema;
