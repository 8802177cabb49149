/** Pure: takes secrets out of text and of configurations. Rather too much than too little. */
import { isObject, isRawNumber, type Json } from "../cni/json";

const REMOVED = "[removed]";

/** Words in the name of a key or variable whose value may be a secret. */
const NAMES =
  "token|passw|passwd|secret|credential|api[-_]?key|private[-_]?key|access[-_]?key|auth|bearer|cookie|session|client[-_]?key|client[-_]?certificate|key[-_]?data|certificate[-_]?authority[-_]?data";

/** What each finds, and what stays of it. None takes more than linear time: the text is somebody else's. */
const PATTERNS: readonly (readonly [pattern: RegExp, left: string])[] = [
  [/-----BEGIN [^-]*-----(?:[^-]|-(?!----END)){0,65536}(?:-----END [^-]*-----)?/g, REMOVED],
  // The same in base64, as kubeconfigs have it.
  [/LS0tLS1[A-Za-z0-9+/=_-]+/g, REMOVED],
  // A signed token (RFC 7519).
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, REMOVED],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${REMOVED}`],
  [/(:\/\/)[^\s/@"']+@/g, `$1${REMOVED}@`],
  [
    new RegExp(
      `((?:${NAMES})[\\w.-]{0,64}\\\\?["']?\\s{0,8}[:=]\\s{0,8})(\\\\?"(?:[^"\\\\]|\\\\(?!").)*\\\\?"|'[^']*'|[^\\s,;&"'}\\]]+)`,
      "gi",
    ),
    `$1${REMOVED}`,
  ],
];

/** Text without what looks like a secret: keys in PEM, tokens, values of variables that are called so. */
export function scrub(text: string): string {
  return PATTERNS.reduce((rest, [pattern, left]) => rest.replace(pattern, left), text);
}

/** Keys of network configurations, results and records whose text says how the network is made, and nothing else. */
const HARMLESS = new Set(
  [
    ...["type", "name", "cniVersion", "cniVersions", "capabilities", "plugins", "disableCheck"],
    ...["bridge", "master", "mode", "mtu", "vlan", "ipMasq", "isGateway", "hairpinMode", "device"],
    ...["ipam", "ranges", "subnet", "rangeStart", "rangeEnd", "gateway", "dataDir", "routes"],
    ...["dst", "gw", "ips", "address", "version", "interface", "interfaces", "sandbox", "mac"],
    ...["dns", "nameservers", "domain", "search", "options", "backend", "externalSetMarkChain"],
    ...["sysctl", "network", "containerId", "ifname", "ifName"],
  ].map((key) => key.toLowerCase()),
);

/**
 * A configuration of somebody's plugin: its structure, its numbers and switches, and the text of keys that
 * are known to be harmless. All other text is removed, because any key may hold a password.
 */
export function scrubForeign(value: Json, isHarmless = false): Json {
  if (Array.isArray(value))
    return (value as readonly Json[]).map((each) => scrubForeign(each, isHarmless));
  if (!isObject(value))
    return typeof value !== "string" || isRawNumber(value)
      ? value
      : isHarmless
        ? scrub(value)
        : REMOVED;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      scrub(key),
      scrubForeign(each, HARMLESS.has(key.toLowerCase())),
    ]),
  );
}

/** What of ours contains what is somebody else's. */
const FOREIGN = new Set(["delegate", "result", "prevResult", "args", "runtimeConfig"]);

/** An object of ours, a record or our part of a conflist: its own text scrubbed, foreign parts as above. */
export function scrubOwn(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(scrubOwn);
  if (!isObject(value)) return typeof value === "string" ? scrub(value) : value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      scrub(key),
      FOREIGN.has(key) ? scrubForeign(each) : scrubOwn(each),
    ]),
  );
}

const OURS: readonly (Json | undefined)[] = ["tenant-routing-wrapper", "wrapper"];

/** A conflist or netconf: our plugin object as ours, all others as foreign. */
export function scrubConflist(value: Json): Json {
  if (!isObject(value)) return scrubForeign(value);
  if (OURS.includes(value["type"])) return scrubOwn(value);
  const { plugins, ...list } = value;
  const rest = scrubForeign(list) as Readonly<Record<string, Json>>;
  if (!Array.isArray(plugins)) return scrubForeign(value);
  return { ...rest, plugins: (plugins as readonly Json[]).map(scrubConflist) };
}
