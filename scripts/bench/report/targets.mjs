// What the agent was built for, beside what was measured. Each figure is judged as it is printed.

/** `find(report)` returns the figure, undefined when this run has not measured it. */
const TARGETS = [
  ratio("ADD, agent, nftables, 0 to 1,000 pods", [1.25, 1.12], ["nftables", "agentAdd", 0, 1000]),
  ratio("DEL, agent, nftables, 0 to 1,000 pods", [1.2, 1.08], ["nftables", "agentDel", 0, 1000]),
  ratio("ADD, agent, iptables-nft, 0 pods", [1.6, 1.4], ["nft", "agentAdd", 0, 0]),
  ratio("ADD, agent, iptables-nft, 1,000 pods", [2, 1.4], ["nft", "agentAdd", 1000, 1000]),
  cpu("processor time of an ADD, everything, nftables", [1.5, 1.2], "nftables"),
  cpu("processor time of an ADD, everything, iptables-nft", [1.5, 1.2], "nft"),
  burst("burst of 110 ADDs, wall, nftables", [1.4, 1.15], "nftables"),
  burst("burst of 110 ADDs, wall, iptables-nft", [1.4, 1.15], "nft"),
  {
    label: "one-shot ADD, runtime annotations, 0 pods (starts of bare node over the delegate)",
    limits: [1.8, 1.5],
    find: (report) =>
      worst(nodesOf(report, "nft", [0, 0]), ({ times }) =>
        times.runtimeAdd === undefined
          ? undefined
          : (times.runtimeAdd.median - times.bareAdd.median) / times.node.median,
      ),
  },
  {
    label: "one-shot DEL, share of the other binary's (--against)",
    limits: [0.6, 0.45],
    find: (report) =>
      worst(nodesOf(report, "nft", [0, 0]), ({ against }) => against?.["runtime DEL"]?.wall),
  },
  {
    label: "forwarded packet at 5,000 pods, nftables, over no rules (us)",
    limits: [0.5, 0.3],
    find: (report) => {
      const packets = variantOf(report, "nftables")?.packets ?? [];
      const [none, many] = [null, 5000].map((count) => packets.find((row) => row.pods === count));
      return many === undefined ? undefined : many.median - none.median;
    },
  },
  repair("flush repaired after (ms)", [300, 50], "flush repaired"),
  repair("annotation change in force after (ms)", [1000, 200], "annotation change in force"),
  {
    label: "wrapper status, 200 pods (s)",
    limits: [2, 1],
    find: (report) => worst(report.variants, ({ status }) => status && status.look.median / 1000),
  },
  {
    label: "memory of the agent's process, the binary's mapped pages included, the most (MB)",
    limits: [90, 90],
    find: (report) => worst(report.variants, ({ memory }) => memory?.largest),
  },
  {
    label: "memory of all of the agent's processes, shared pages divided (PSS), the most (MB)",
    limits: [90, 90],
    find: (report) => worst(report.variants, ({ memory }) => memory?.shared),
  },
];

/**
 * The peers, from a quiet 2-core machine of another kind where they were measured beside an older build of this
 * plugin: they are not on this machine, and nothing of them is measured here.
 */
const PEERS = [
  ["peer: ptp, then fwmark: ADD / DEL, 0 pods", "1.6 / 1.5"],
  ["peer: azalio wrapper, API: ADD / DEL, 0 pods", "3.8 / 2.1"],
  ["peer: ptp, then fwmark: burst of 110 ADDs", "1.4"],
];

/** Rows [what, measured, target, dream, verdict] of all that this run says something about; none of an empty run. */
export function targetRows(report) {
  const rows = TARGETS.map(({ label, limits, find }) => row(label, limits, find(report)));
  if (rows.every(([, measured]) => measured === "-")) return [];
  return [...rows, ...PEERS.map(([label, value]) => [label, value, "", "", "not measured here"])];
}

function row(label, [target, dream], figure) {
  const measured = figure === undefined ? "-" : figure.toFixed(2);
  return [label, measured, target, dream, verdict(Number(measured), target, dream)];
}

function verdict(measured, target, dream) {
  if (Number.isNaN(measured)) return "not measured";
  if (measured <= dream) return "dream";
  return measured <= target ? "met" : "MISSED";
}

function ratio(label, limits, [variant, name, ...range]) {
  const kind = name.slice(-3);
  return {
    label,
    limits,
    find: (report) =>
      worst(nodesOf(report, variant, range), ({ times }) =>
        times[name] === undefined ? undefined : times[name].median / times[`bare${kind}`].median,
      ),
  };
}

function cpu(label, limits, variant) {
  return {
    label,
    limits,
    find: (report) =>
      worst(nodesOf(report, variant, [0, 1000]), ({ times }) =>
        times.agentAdd === undefined ? undefined : times.agentAdd.cpu / times.bareAdd.cpu,
      ),
  };
}

function burst(label, limits, variant) {
  return {
    label,
    limits,
    find: (report) => {
      const rows = variantOf(report, variant)?.bursts ?? [];
      const [bare, agent] = ["bare", "agent"].map((kind) =>
        rows.find((each) => each.kind === kind && each.pods === 110 && each.verb === "ADD"),
      );
      return agent === undefined ? undefined : agent.all / bare.all;
    },
  };
}

function repair(label, limits, what) {
  return {
    label,
    limits,
    find: (report) =>
      worst(
        report.variants.flatMap(({ repairs }) => repairs.filter((each) => each.what === what)),
        ({ median }) => median,
      ),
  };
}

function nodesOf(report, variant, [least, most]) {
  const nodes = variantOf(report, variant)?.nodes ?? [];
  return nodes.filter(({ pods }) => pods >= least && pods <= most);
}

function variantOf(report, name) {
  return report.variants.find(({ variant }) => variant === name);
}

/** The largest of what is there: a target that only some sizes meet is missed. */
function worst(items, figure) {
  const figures = items.map(figure).filter((value) => value !== undefined);
  return figures.length === 0 ? undefined : Math.max(...figures);
}
