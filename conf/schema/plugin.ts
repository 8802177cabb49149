/**
 * The one schema of our plugin object in a conflist: validation, defaults, the editors' schema and
 * the reference in docs/configuration.md are all made from it (`scripts/generate.mjs`).
 */
import { agent } from "./agent";
import { duration, type Schema, PATH_OR_EMPTY_PATTERN, PATH_PATTERN } from "./shared";
import {
  ANNOTATION_KEY_PATTERN,
  delegate,
  exemptNamespaces,
  marks,
  tenants,
  UINT32_PATTERN,
} from "./parts";
import { router, routes } from "./routes";

const oneOf = (values: readonly string[]): string =>
  `use one of ${values.map((v) => `"${v}"`).join(", ")}`;

const choice = <const Value extends string>(
  description: string,
  byDefault: NoInfer<Value>,
  values: readonly Value[],
) =>
  ({
    type: "string",
    enum: values,
    default: byDefault,
    description,
    errorMessage: oneOf(values),
  }) as const satisfies Schema;

/** Keys that belong to us, in the order of the reference. */
export const ownProperties = {
  delegate,
  kubeconfig: {
    type: "string",
    pattern: PATH_PATTERN,
    description:
      "Absolute path of the kubeconfig for reading the annotations of pods and namespaces. " +
      'Required unless `capabilities` has `"io.kubernetes.cri.pod-annotations": true`.',
    errorMessage: 'write an absolute path without "..", such as "/etc/kubernetes/kubelet.conf"',
  },
  annotationKey: {
    type: ["string", "array"],
    pattern: ANNOTATION_KEY_PATTERN,
    minItems: 1,
    uniqueItems: true,
    items: {
      type: "string",
      pattern: ANNOTATION_KEY_PATTERN,
      errorMessage: 'write an annotation key, such as "tenant.routing/fwmark"',
    },
    default: "tenant.routing/fwmark",
    description:
      "Annotation that selects the tenant, or a list of annotations: the first that is present decides, " +
      "all of them on the pod before any on the namespace. With `marks`, `cni.fwmark.net/name` follows the default.",
    errorMessage:
      'write an annotation key such as "tenant.routing/fwmark", or a list of at least one',
  },
  tenants,
  marks,
  mask: {
    type: ["string", "integer"],
    pattern: UINT32_PATTERN,
    minimum: 1,
    maximum: 0xffffffff,
    default: "0xffffffff",
    description:
      "Mask of mark literals that have none, in `fwmark` and in annotations. " +
      "The default writes all 32 bits, as iptables does.",
    errorMessage: 'write a number from 1 to 0xffffffff, such as "0xff"',
  },
  onError: choice(
    "What happens to a pod whose tenant cannot be found out or whose rules cannot be written: " +
      "`deny` fails the pod's start and the kubelet retries, `allow` starts it unmarked with a warning. " +
      "An invalid or forbidden annotation, and a pod that cannot be read because of what is in it, are always refused.",
    "deny",
    ["deny", "allow"],
  ),
  exemptNamespaces,
  markReplies: {
    type: "boolean",
    default: false,
    description:
      "Whether replies to connections that came in to the pod carry the mark too, and so leave by the tenant's gateway. " +
      "The default keeps NodePort and LoadBalancer clients working.",
    errorMessage: "write true or false",
  },
  onAnnotationChange: choice(
    "What `wrapper agent` does when the annotation of a running pod, or of its namespace, changes: " +
      "`apply` gives the pod its new mark at once, `ignore` leaves it the mark that it started with. " +
      "A value that is refused never changes anything.",
    "apply",
    ["apply", "ignore"],
  ),
  backend: choice(
    "What marks the packets: `iptables` has rules in the table mangle; `nftables` has maps in a table of its own, " +
      "whose cost does not grow with the number of pods. `auto` is iptables, and nftables where no iptables program is installed. " +
      "It may be changed while pods run; an agent moves their marks.",
    "auto",
    ["auto", "iptables", "nftables"],
  ),
  guard: {
    type: "boolean",
    default: true,
    description:
      "Whether the agent keeps a table of nftables that drops, and counts, forwarded packets of a tenant's pod without its mark. " +
      "Until an agent has run on a node there is none.",
    errorMessage: "write true or false",
  },
  iptables: choice(
    "The iptables variant for the rules; `auto` takes the one that the node already uses.",
    "auto",
    ["auto", "nft", "legacy"],
  ),
  dataDir: {
    type: "string",
    pattern: PATH_PATTERN,
    default: "/run/tenant-routing",
    description:
      "Absolute path of the directory for the record of attachments. " +
      "Keep it on a tmpfs, so that it is emptied at boot as the rules are.",
    errorMessage: 'write an absolute path without "..", such as "/run/tenant-routing"',
  },
  logFile: {
    type: "string",
    pattern: PATH_OR_EMPTY_PATTERN,
    default: "/var/log/tenant-routing/wrapper.log",
    description:
      "Absolute path of the log file, one JSON line per operation; an empty string turns it off.",
    errorMessage: 'write an absolute path without "..", or "" to turn the log file off',
  },
  logLevel: choice("The least severe messages that are logged.", "info", [
    "error",
    "warn",
    "info",
    "debug",
  ]),
  apiTimeout: duration(
    "apiTimeout",
    "5s",
    "Limit for reading the annotations from the API server, retries included.",
  ),
  delegateTimeout: duration(
    "delegateTimeout",
    "60s",
    "Limit for one run of the delegate; after it the delegate and its children are killed.",
  ),
  lockTimeout: duration(
    "lockTimeout",
    "20s",
    "Limit for waiting on a lock: that of iptables, or our own.",
  ),
  routes,
  router,
  agent,
} as const satisfies Readonly<Record<string, Schema>>;

// An absent map of the runtimes, which are written in Go, may arrive as null.
const filledIn = {
  type: ["object", "null"],
  description: "Filled in by the runtime.",
  errorMessage: "the runtime writes an object",
} as const satisfies Schema;

const anything = (description: string) => ({ description }) as const satisfies Schema;

/** Keys of CNI itself (SPEC.md, "Network configuration objects"): accepted, never ours to judge. */
const cniProperties = {
  type: {
    type: "string",
    default: "tenant-routing-wrapper",
    description: "File name of this plugin.",
  },
  name: {
    type: "string",
    description: "Network name, filled in by the runtime.",
    errorMessage: "set the list's name",
  },
  cniVersion: {
    type: "string",
    default: "0.1.0",
    description: "CNI version, filled in by the runtime.",
  },
  capabilities: {
    type: "object",
    additionalProperties: { type: "boolean", errorMessage: "write true or false" },
    description:
      "Capabilities that the runtime may fill in, such as `io.kubernetes.cri.pod-annotations`.",
    errorMessage: 'write an object such as {"io.kubernetes.cri.pod-annotations": true}',
  },
  runtimeConfig: filledIn,
  prevResult: filledIn,
  args: anything("Arguments for the plugins; handed to the delegate."),
  dns: anything("DNS settings; handed to the delegate."),
  ipMasq: anything("Accepted because CNI names it; it has an effect only inside `delegate`."),
  disableCheck: anything("A setting of the list, not of a plugin; ignored here."),
  disableGC: anything("A setting of the list, not of a plugin; ignored here."),
} as const satisfies Readonly<Record<string, Schema>>;

/** JSON schema (draft-07) of the plugin object as the runtime passes it on stdin. */
export const pluginSchema = {
  title: "tenant-routing-wrapper plugin object",
  type: "object",
  properties: { ...ownProperties, ...cniProperties },
  patternProperties: { "^cni\\.dev/": anything("Reserved for CNI; used by the runtime.") },
  additionalProperties: false,
} as const satisfies Schema;

/**
 * The sub-schema at a JSON pointer, with the names of tenants, marks and capabilities taken as they
 * come; undefined when the pointer leads out of the schema.
 */
export function schemaAt(path: readonly string[]): Schema | undefined {
  let at: Schema | undefined = pluginSchema;
  for (const key of path) at = at === undefined ? undefined : childSchema(at, key);
  return at;
}

function childSchema(schema: Schema, key: string): Schema | undefined {
  if (schema.items !== undefined) return schema.items;
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key))
    return schema.properties[key];
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}
