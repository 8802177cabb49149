// Figures -> tables in Markdown, which read well in a terminal too.

/** Overhead over the bare delegate, in starts of the bare runtime, with nothing else on the node. */
const BUDGETS = [
  { kind: "runtime", label: "annotations from the runtime", limit: 2 },
  { kind: "api", label: "annotations from the API", limit: 3.5 },
];
const WRAPPED = ["runtime", "api", "unmarked"];
const PLACE = /(<!-- bench:begin -->\n)[^]*?(<!-- bench:end -->)/;

/** Everything that is printed, without a newline at the end. */
export function renderReport(report, { breakdown }) {
  const busy = Math.max(report.loadBefore, report.loadAfter) > report.cores + 1;
  const load = `load ${report.loadBefore.toFixed(1)} before, ${report.loadAfter.toFixed(1)} after`;
  if (report.variants.every(({ burst }) => burst !== undefined)) return renderBurst(report);
  const sections = [
    `Measured ${report.date.slice(0, 10)}, Node ${report.node}, ${report.machine}, ${load}; medians of ${report.iterations} runs, in alternation.`,
    ...(busy ? ["The machine was busy: compare ratios, not milliseconds."] : []),
    section("ADD (ms; in brackets: times the bare delegate)", operations(report, "Add")),
    section("DEL (ms; in brackets: times the bare delegate)", operations(report, "Del")),
    section(
      "Overhead of one ADD over the bare delegate, in starts of the bare runtime",
      overheads(report),
    ),
    ...budgets(report),
    section(
      "Processor time of one ADD and of one DEL (ms, mean; whatever else runs on the machine)",
      processorTimes(report),
    ),
    ...against(report),
    ...packets(report),
    ...(breakdown ? [section("Where the time of one ADD goes (ms)", breakdowns(report))] : []),
  ];
  return sections.join("\n\n");
}

function renderBurst(report) {
  const seconds = (ms) => (ms / 1000).toFixed(1);
  const rows = report.variants.flatMap(({ variant, burst }) =>
    burst.map(({ kind, verb, all, median, longest, failed }) => [
      variant,
      kind === "bare" ? "bare ptp" : "wrapper, runtime",
      verb,
      seconds(all),
      seconds(median),
      seconds(longest),
      (longest / median).toFixed(2),
      String(failed),
    ]),
  );
  const head = [
    "iptables",
    "plugin",
    "verb",
    "all done (s)",
    "median (s)",
    "longest (s)",
    "longest / median",
    "failed",
  ];
  return section(
    `110 at once beside 40 busy processes, ${report.date.slice(0, 10)}, ${report.machine}`,
    [head, ...rows],
  );
}

/** `text` with the tables between the bench markers. Throws when it has none. */
export function fillPlace(text, tables) {
  if (!PLACE.test(text)) throw new Error("no bench markers in that file");
  return text.replace(PLACE, (_all, begin, end) => `${begin}${tables}\n${end}`);
}

function operations(report, verb) {
  const head = [
    "iptables",
    "pods",
    "`node -e 0`",
    "bare ptp",
    "wrapper, runtime",
    "wrapper, API",
    "wrapper, unmarked",
  ];
  return [
    head,
    ...eachNode(report, ({ times }) => {
      const bare = times[`bare${verb}`].median;
      const cells = WRAPPED.map((kind) => times[`${kind}${verb}`].median).map(
        (ms) => `${ms.toFixed(1)} (${(ms / bare).toFixed(1)})`,
      );
      return [times.node.median.toFixed(1), bare.toFixed(1), ...cells];
    }),
  ];
}

function overheads(report) {
  return [
    ["iptables", "pods", ...WRAPPED],
    ...eachNode(report, ({ times }) => WRAPPED.map((kind) => overhead(times, kind).toFixed(2))),
  ];
}

function processorTimes(report) {
  const kinds = ["bare", ...WRAPPED];
  const head = [
    "iptables",
    "pods",
    "`node -e 0`",
    "bare ptp",
    "wrapper, runtime",
    "wrapper, API",
    "wrapper, unmarked",
  ];
  return [
    head,
    ...eachNode(report, ({ times }) => [
      times.node.cpu.toFixed(1),
      ...kinds.map(
        (kind) => `${times[`${kind}Add`].cpu.toFixed(1)}, ${times[`${kind}Del`].cpu.toFixed(1)}`,
      ),
    ]),
  ];
}

function against(report) {
  const rows = report.variants.flatMap(({ variant, nodes }) =>
    nodes.flatMap(({ pods, against: ratios = {} }) =>
      Object.entries(ratios).map(([name, { wall, cpu }]) => [
        variant,
        pods,
        name,
        wall.toFixed(3),
        cpu.toFixed(3),
      ]),
    ),
  );
  if (rows.length === 0) return [];
  const head = ["iptables", "pods", "operation", "time", "processor time"];
  return [section("This binary's time as a multiple of the other's, in pairs", [head, ...rows])];
}

function overhead(times, kind, statistic = "median") {
  return (times[`${kind}Add`][statistic] - times.bareAdd[statistic]) / times.node[statistic];
}

function budgets(report) {
  const lines = report.variants.flatMap(({ variant, nodes }) => {
    const empty = nodes.find(({ pods }) => pods === 0);
    if (empty === undefined) return [];
    return BUDGETS.map(({ kind, label, limit }) => {
      // Judged as printed.
      const figure = overhead(empty.times, kind).toFixed(2);
      return [
        Number(figure) <= limit ? "PASS" : "OVER",
        variant,
        label,
        figure,
        `at most ${limit}`,
        overhead(empty.times, kind, "p10").toFixed(2),
      ];
    });
  });
  return lines.length === 0
    ? []
    : [
        section("Budget, with no other pod on the node", [
          ["", "iptables", "", "overhead", "budget", "quietest tenth"],
          ...lines,
        ]),
      ];
}

function packets(report) {
  const measured = report.variants.filter((variant) => variant.packets.length > 0);
  const first = measured[0];
  if (first === undefined) return [];
  const head = [
    "iptables",
    ...first.packets.map(({ pods, rules }) =>
      pods === null ? "no rules" : `${pods} other pods (${rules} rules)`,
    ),
  ];
  const rows = measured.map(({ variant, packets: [none, ...rest] }) => [
    variant,
    none.median.toFixed(1),
    ...rest.map(({ median }) => `${median.toFixed(1)} (${signed(median - none.median)})`),
  ]);
  return [
    section(
      "One forwarded packet (us; in brackets: more than without rules), its rule being the last",
      [head, ...rows],
    ),
  ];
}

/** From outside and from the wrapper's own log; as medians, the parts add up to the first column only roughly. */
function breakdowns(report) {
  const head = [
    "iptables",
    "pods",
    "annotations",
    "ADD",
    "bare Node start",
    "our code on top",
    "config in, result out",
    "delegate",
    "rules",
    "lookup, journal, lock",
  ];
  return [
    head,
    ...report.variants.flatMap(({ variant, nodes }) =>
      nodes.flatMap(({ pods, breakdown }) =>
        WRAPPED.map((kind) => {
          const { wall, nodeStart, ownStart, around, delegate, rules, rest } = breakdown[kind];
          return [
            variant,
            pods,
            kind,
            ...[wall, nodeStart, ownStart, around, delegate, rules, rest].map((ms) =>
              ms.toFixed(1),
            ),
          ];
        }),
      ),
    ),
  ];
}

function eachNode(report, cells) {
  return report.variants.flatMap(({ variant, nodes }) =>
    nodes.map((node) => [variant, node.pods, ...cells(node)]),
  );
}

function signed(number) {
  return `${number < 0 ? "" : "+"}${number.toFixed(1)}`;
}

function section(title, rows) {
  return `${title}:\n\n${table(rows.map((row) => row.map(String)))}`;
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const [head, ...body] = rows;
  return [
    line(head),
    `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`,
    ...body.map(line),
  ].join("\n");
}
