/**
 * Which room (folder) may import which, types included. Whatever is not here is an error, and so is a
 * room without a row. A room may always import its own files; a file with a row of its own may import
 * only what that says.
 */
const PURE = ["lib/net", "lib/cni", "lib/text"];
const SEAMS = [...PURE, "lib"];
const ADAPTERS = [
  ...["lib/node", "lib/node/cni", "lib/kube", "lib/kube/watch", "lib/marks"],
  ...["lib/marks/iptables", "lib/marks/nftables"],
];
const ROUTES = [
  "lib/routes",
  ...["plan", "links", "changes", "conflicts", "kernel", "router", "watch"].map(
    within("lib/routes"),
  ),
];
/** What every room of the node routes builds on. */
const ROUTES_GROUND = ["model", "text", "guarded-way", "link-model", "link-text"].map(
  (name) => `lib/routes/${name}.ts`,
);
/** Comparing and carrying out, on top of the rooms below. */
const ROUTES_APPLY = [
  ...SEAMS,
  "conf",
  ...ROUTES_GROUND,
  ...["plan", "links", "changes", "conflicts", "kernel"].map(within("lib/routes")),
];
/** What decides about a packet's way. */
const EXPLAIN = [
  ...[...SEAMS, "conf", ...ROUTES_GROUND, "lib/attachment", "lib/checks", "lib/checks/kinds"],
  ...["lib/explain", "lib/explain/firewall"],
  ...["plan", "changes", "conflicts"].map(within("lib/routes")),
];
const LABS = [
  ...["tenants", "vpn", "gateway-pod", "source-pool", "bare-bridge", "agent"],
  "external-ipam",
].map(within("lib/lab"));
const LAB = [
  ...SEAMS,
  "lib/node",
  ...["kit", "kit/agent", "kit/api", "kit/probe"].map(within("lib/lab")),
];
const AGENT = ["lib/agent", "lib/agent/metrics", "lib/agent/page"];
/** What every room of checks builds on. */
const CHECK = [...SEAMS, "conf", "lib/checks", "lib/checks/kinds"];
const CHECKS = [
  "lib/checks",
  ...["report", "runtime", "conflist", "access", "pods", "routes", "node", "agent"].map(
    within("lib/checks"),
  ),
  ...["kinds", "foreign", "marks"].map(within("lib/checks")),
];
const CMD = [
  ...SEAMS,
  ...ADAPTERS,
  ...ROUTES,
  "conf",
  "delegates",
  "lib/attachment",
  "lib/reconcile",
  ...AGENT,
  ...CHECKS,
  ...["lib/explain", ...["node", "probe", "render", "steps"].map(within("lib/explain"))],
  "lib/report",
  "lib/load",
  "cmd/screen",
];

export const ROOMS = {
  // Values and the protocol. They know nothing of this machine.
  "lib/net": [],
  "lib/text": [],
  "lib/cni": ["lib/net", "lib/text"],
  // Types only: the seams between what decides and what acts.
  lib: ["lib/net", "lib/cni"],

  conf: [...SEAMS, "conf/schema", "conf/checks"],
  "conf/schema": ["lib/cni", "conf"],
  "conf/checks": [...SEAMS, "conf", "conf/schema"],
  delegates: [...SEAMS, "conf", "lib/node/files.ts"],

  // One adapter each.
  "lib/node": SEAMS,
  // What the container runtime reads.
  "lib/node/cni": SEAMS,
  "lib/kube": SEAMS,
  "lib/kube/watch": [...SEAMS, "lib/kube", "lib/kube/watch/stream"],
  "lib/kube/watch/stream": [...SEAMS, "lib/kube"],
  "lib/marks": [...SEAMS, "lib/node"],
  "lib/marks/iptables": [...SEAMS, "lib/node", "lib/marks"],
  "lib/marks/nftables": [...SEAMS, "lib/node", "lib/marks"],

  // One pod.
  "lib/attachment": [...SEAMS, "conf", "delegates", "lib/marks", "lib/node", "lib/checks"],
  // All pods of the node, against their records and annotations.
  "lib/reconcile": [
    ...SEAMS,
    ...["conf", "delegates", "lib/attachment"],
    ...["lib/marks", "lib/marks/nftables", "lib/node"],
  ],

  // The node's routes, from the values up.
  "lib/routes": SEAMS,
  "lib/routes/link-model.ts": SEAMS,
  "lib/routes/link-text.ts": [...SEAMS, "lib/routes/link-model.ts"],
  "lib/routes/guarded-way.ts": SEAMS,
  "lib/routes/model.ts": [...SEAMS, "lib/routes/guarded-way.ts", "lib/routes/link-model.ts"],
  "lib/routes/text.ts": [...SEAMS, "lib/routes/model.ts", "lib/routes/link-text.ts"],
  "lib/routes/plan": [...SEAMS, "conf", ...ROUTES_GROUND],
  "lib/routes/links": [...SEAMS, ...ROUTES_GROUND, "lib/routes/plan"],
  "lib/routes/changes": [...SEAMS, ...ROUTES_GROUND, "lib/routes/plan", "lib/routes/links"],
  "lib/routes/conflicts": [
    ...SEAMS,
    "conf",
    ...ROUTES_GROUND,
    "lib/routes/plan",
    "lib/routes/links",
    "lib/routes/changes",
  ],
  "lib/routes/kernel": [
    ...SEAMS,
    ...ADAPTERS,
    ...ROUTES_GROUND,
    "lib/routes/plan",
    "lib/routes/links",
    "lib/routes/changes",
  ],
  "lib/routes/router": [...SEAMS, "conf", "delegates", ...ROUTES_GROUND],
  "lib/routes/carry-out.ts": ROUTES_APPLY,
  "lib/routes/apply.ts": [...ROUTES_APPLY, "lib/routes/carry-out.ts"],
  "lib/routes/watch": [...SEAMS, "conf", "lib/node", ...ROUTES],

  // A bug report: parts, without secrets, in one archive.
  "lib/report": SEAMS,

  // What can be wrong, as data with a code.
  "lib/checks": SEAMS,
  "lib/checks/kinds": [...SEAMS, "lib/checks", "lib/checks/foreign", "lib/routes/conflicts"],
  "lib/checks/foreign": [
    ...[...SEAMS, "lib/node", "lib/routes/kernel", "lib/routes/conflicts"],
    "lib/routes/model.ts",
  ],
  "lib/checks/report": [...SEAMS, "lib/checks"],
  "lib/checks/marks": [
    ...[...CHECK, "lib/attachment", "lib/node", "lib/reconcile"],
    ...["lib/checks/foreign", "lib/checks/pods"],
  ],
  "lib/checks/runtime": [...CHECK, "delegates", "lib/node/cni"],
  "lib/checks/access": [...CHECK, "lib/kube", "lib/kube/watch"],
  "lib/checks/pods": [
    ...[...CHECK, "lib/attachment", "lib/marks", "lib/reconcile", "lib/kube/watch"],
    "lib/checks/foreign",
  ],
  "lib/checks/routes": [...CHECK, ...ROUTES],
  "lib/checks/node": [...CHECK, "lib/attachment", "lib/node", "delegates"],
  "lib/checks/agent": CHECK,
  "lib/checks/conflist": [...CHECK, "lib/checks/runtime", "lib/routes/conflicts"],

  // What tenants, pods and gateways send now.
  "lib/load": [
    ...[...SEAMS, "conf", "lib/attachment", "lib/checks/pods"],
    ...["lib/marks", "lib/node"],
  ],

  // The way of one packet: what decides, how it is shown, and where the facts come from.
  "lib/explain": [...EXPLAIN, "lib/explain/steps", "lib/explain/probe"],
  "lib/explain/firewall": EXPLAIN,
  "lib/explain/steps": EXPLAIN,
  "lib/explain/render": [...SEAMS, "lib/checks", "lib/explain"],
  "lib/explain/probe": SEAMS,
  "lib/explain/node": [
    ...[...EXPLAIN, ...ADAPTERS, ...ROUTES_GROUND, "lib/explain/probe", "lib/routes"],
    ...["kernel", "watch"].map(within("lib/routes")),
  ],

  "lib/lab": [...LABS, "lib/lab/kit"],
  "lib/lab/kit": [...SEAMS, "lib/node", "lib/lab/kit/probe"],
  "lib/lab/kit/probe": SEAMS,
  "lib/lab/kit/agent": [...SEAMS, "lib/lab/kit"],
  "lib/lab/kit/api": [...SEAMS, "lib/lab/kit"],
  ...Object.fromEntries(LABS.map((lab) => [lab, LAB])),
  "lib/lab/tenants": [...LAB, "lib/agent"],
  "lib/selftest": [
    ...LAB,
    "conf",
    "delegates",
    "lib/attachment",
    "lib/marks",
    "lib/marks/iptables",
    "lib/routes/plan",
    "lib/selftest/properties",
  ],
  "lib/selftest/properties": [...LAB, "conf", "delegates", "lib/routes/plan", "lib/selftest"],

  // The resident process: its side of the socket.
  "lib/agent": [...SEAMS],
  "lib/agent/metrics": [...SEAMS],
  // The page, and what it shows of the node; `browser` runs elsewhere, and knows the types of what it is sent.
  "lib/agent/page": [
    ...[...SEAMS, "conf", "lib/agent/metrics", "lib/attachment"],
    ...["lib/checks/pods", "lib/checks/report", "lib/load"],
  ],
  "lib/agent/page/browser": ["lib/text", "lib/agent/page"],

  // Doors: argv, stdin, exit status. Nothing imports them but each other.
  cmd: [...CMD, "cmd/commands/completion", "cmd/declarations", "cmd/status"],
  "cmd/declarations": [
    ...["lib/lab", "lib/lab/kit/probe", "lib/explain/probe"],
    ...["cmd", "cmd/commands", "cmd/commands/completion", "cmd/commands/routes"],
    ...["cmd/marks", "cmd/report"],
  ],
  // What a terminal shows and is asked.
  "cmd/screen": [...SEAMS, "cmd", "lib/checks", "lib/checks/report"],
  "cmd/agent": [...CMD, "cmd", "cmd/commands/routes", "cmd/status"],
  "cmd/check": [...CMD, "cmd"],
  "cmd/status": [...CMD, "cmd", "cmd/commands/routes"],
  "cmd/validate": [...CMD, "cmd", "cmd/commands/routes", "cmd/status"],
  "cmd/explain": [...CMD, "cmd", "cmd/commands/routes"],
  "cmd/marks": [...CMD, "cmd", "cmd/check", "cmd/status"],
  "cmd/report": [...CMD, "cmd", "cmd/commands/completion"],
  "cmd/commands": [
    ...CMD,
    "cmd",
    "cmd/commands/completion",
    "cmd/agent",
    "cmd/check",
    "cmd/status",
    "cmd/validate",
    "cmd/explain",
    "cmd/marks",
    "lib/lab",
    "lib/lab/kit",
    "lib/selftest",
  ],
  "cmd/commands/completion": [...CMD, "cmd"],
  "cmd/commands/routes": [...CMD, "cmd"],
};

/** Rooms that import nothing of Node.js: what they decide depends on their arguments alone. */
export const WITHOUT_NODE = [
  ...PURE,
  "lib",
  ...["plan", "links", "changes", "conflicts"].map(within("lib/routes")),
  "lib/agent/page/browser",
  ...["lib/explain", ...["firewall", "steps", "render"].map(within("lib/explain"))],
];

/** Packages, or modules of them, each with the one file that may import it. What is not here may not be imported at all. */
export const PACKAGES = {
  "@kubernetes/client-node/dist/config.js": "lib/kube/kubeconfig.ts",
  "@kubernetes/client-node/dist/config_types.js": "lib/kube/kubeconfig.ts",
  "@kubernetes/client-node/dist/exec_auth.js": "lib/kube/exec-credential.ts",
  "@noble/hashes": "lib/marks/tag.ts",
  commander: "cmd/program.ts",
  "cross-spawn": "lib/node/exec.ts",
  "prom-client": "lib/agent/metrics/registry.ts",
  winston: "lib/node/log.ts",
};

/** Source files in one room, at most. */
export const MOST_FILES = 15;

function within(folder) {
  return (name) => `${folder}/${name}`;
}
