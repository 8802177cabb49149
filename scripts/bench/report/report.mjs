// Figures -> tables in Markdown.
import { KINDS, kindsOf, variantLabel } from "../kinds.mjs";
import { statusTable } from "./status.mjs";
import { targetRows } from "./targets.mjs";
import { section, signed } from "./table.mjs";

/** Overhead over the bare delegate, in starts of the bare runtime, with nothing else on the node. */
const BUDGETS = [
  { kind: "runtime", label: "one-shot, annotations from the runtime", limit: 2 },
  { kind: "api", label: "one-shot, annotations from the API", limit: 3.5 },
];
const PLACE = /(<!-- bench:begin -->\n)[^]*?(<!-- bench:end -->)/;

/** Everything that is printed, without a newline at the end. */
export function renderReport(report, { breakdown }) {
  const busy = Math.max(report.loadBefore, report.loadAfter) > report.cores + 1;
  const load = `load ${report.loadBefore.toFixed(1)} before, ${report.loadAfter.toFixed(1)} after`;
  const left = report.variants.filter(({ leftOut }) => leftOut !== undefined);
  const measured = {
    ...report,
    variants: report.variants.filter(({ leftOut }) => leftOut === undefined),
  };
  return [
    `Measured ${report.date.slice(0, 10)}, Node ${report.node}, ${report.machine}, ${load}; medians of ${report.iterations} runs, in alternation.`,
    ...(busy ? ["The machine was busy: compare ratios, not milliseconds."] : []),
    ...left.map(({ leftOut }) => `LEFT OUT: ${leftOut}.`),
    ...operations(measured),
    ...bursts(measured),
    ...repairs(measured),
    ...statusTable(measured),
    ...packets(measured),
    ...memory(measured),
    ...targets(measured),
    ...(breakdown ? [section("Where the time of one ADD goes (ms)", breakdowns(measured))] : []),
  ].join("\n\n");
}

/** `text` with the tables between the bench markers. Throws when it has none. */
export function fillPlace(text, tables) {
  if (!PLACE.test(text)) throw new Error("no bench markers in that file");
  return text.replace(PLACE, (_all, begin, end) => `${begin}${tables}\n${end}`);
}

function operations(report) {
  if (!report.variants.some(({ nodes }) => nodes.length > 0)) return [];
  const about = "ms: median / 95th percentile; in brackets: times the bare delegate";
  return [
    section(`ADD (${about})`, times(report, "Add")),
    section(`DEL (${about})`, times(report, "Del")),
    section(
      "Processor time of one ADD and of one DEL (ms, mean, of all processes, the agent's share too)",
      processorTimes(report),
    ),
    section(
      "Overhead of one ADD over the bare delegate, in starts of the bare runtime",
      overheads(report),
    ),
    ...budgets(report),
    ...against(report),
  ];
}

function times(report, verb) {
  const kinds = kindsIn(report);
  const cell = ({ median, p95 }) => `${median.toFixed(1)} / ${p95.toFixed(1)}`;
  return [
    ["marks", "pods", "`node -e 0`", "bare ptp", ...kinds.map(({ label }) => label)],
    ...eachNode(report, ({ times: all }) => {
      const bare = all[`bare${verb}`];
      const cells = kinds.map(({ kind }) => {
        const figures = all[`${kind}${verb}`];
        return figures === undefined
          ? "-"
          : `${cell(figures)} (${(figures.median / bare.median).toFixed(2)})`;
      });
      return [all.node.median.toFixed(1), cell(bare), ...cells];
    }),
  ];
}

function processorTimes(report) {
  const kinds = [{ kind: "bare", label: "bare ptp" }, ...kindsIn(report)];
  const cell = (all, kind) =>
    all[`${kind}Add`] === undefined
      ? "-"
      : `${all[`${kind}Add`].cpu.toFixed(1)}, ${all[`${kind}Del`].cpu.toFixed(1)}`;
  return [
    ["marks", "pods", "`node -e 0`", ...kinds.map(({ label }) => label)],
    ...eachNode(report, ({ times: all }) => [
      all.node.cpu.toFixed(1),
      ...kinds.map(({ kind }) => cell(all, kind)),
    ]),
  ];
}

function overheads(report) {
  const kinds = kindsIn(report);
  return [
    ["marks", "pods", ...kinds.map(({ label }) => label)],
    ...eachNode(report, ({ times: all }) =>
      kinds.map(({ kind }) =>
        all[`${kind}Add`] === undefined ? "-" : overhead(all, kind).toFixed(2),
      ),
    ),
  ];
}

function overhead(all, kind, statistic = "median") {
  return (all[`${kind}Add`][statistic] - all.bareAdd[statistic]) / all.node[statistic];
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
        variantLabel(variant),
        label,
        figure,
        `at most ${limit}`,
        overhead(empty.times, kind, "p10").toFixed(2),
      ];
    });
  });
  const head = ["", "marks", "", "overhead", "budget", "quietest tenth"];
  return lines.length === 0
    ? []
    : [section("Budget, with no other pod on the node", [head, ...lines])];
}

function against(report) {
  const rows = report.variants.flatMap(({ variant, nodes }) =>
    nodes.flatMap(({ pods, against: ratios = {} }) =>
      Object.entries(ratios).map(([name, { wall, cpu }]) => [
        variantLabel(variant),
        pods,
        name,
        wall.toFixed(3),
        cpu.toFixed(3),
      ]),
    ),
  );
  if (rows.length === 0) return [];
  const head = ["marks", "pods", "operation", "time", "processor time"];
  return [section("This binary's time as a multiple of the other's, in pairs", [head, ...rows])];
}

function bursts(report) {
  const rows = report.variants.flatMap(({ variant, bursts: all }) =>
    all.map((row) => {
      const bare = all.find(
        ({ kind, pods, verb }) => kind === "bare" && pods === row.pods && verb === row.verb,
      );
      const with_ = (value, than) => `${(value / 1000).toFixed(2)} (${(value / than).toFixed(2)})`;
      return [
        variantLabel(variant),
        row.pods,
        row.verb,
        KINDS.find(({ kind }) => kind === row.kind)?.label ?? "bare ptp",
        with_(row.all, bare.all),
        with_(row.cpu, bare.cpu),
        (row.median / 1000).toFixed(2),
        (row.longest / 1000).toFixed(2),
        row.failed,
      ];
    }),
  );
  if (rows.length === 0) return [];
  const head = ["marks", "pods", "verb", "plugin", "all done", "processor"];
  const busy = report.busy > 0 ? ` beside ${report.busy} busy processes` : "";
  return [
    section(`All at once${busy} (s; in brackets: times the bare delegate)`, [
      [...head, "median", "longest", "failed"],
      ...rows,
    ]),
  ];
}

function repairs(report) {
  const rows = report.variants.flatMap(({ variant, repairs: all }) =>
    all.map(({ what, pods, median, longest, look }) => [
      variantLabel(variant),
      pods,
      what,
      ...[median, longest, look].map((ms) => ms.toFixed(0)),
    ]),
  );
  if (rows.length === 0) return [];
  const head = ["marks", "pods", "after", "median", "longest", "one look takes"];
  return [section("Put right by the agent (ms; at most one look too high)", [head, ...rows])];
}

function memory(report) {
  const rows = report.variants.flatMap(({ variant, memory: figures }) =>
    figures === undefined
      ? []
      : [
          [
            variantLabel(variant),
            figures.pods,
            figures.cycles,
            ...["start", "middle", "end", "own"].map((key) => figures[key].toFixed(0)),
            `${signed(figures.growth * 100)} %`,
            ...["anon", "shared", "largest", "most"].map((key) => figures[key].toFixed(0)),
          ],
        ],
  );
  if (rows.length === 0) return [];
  const head = [
    "marks",
    "pods",
    "cycles",
    "start",
    "median",
    "end",
    "most",
    "last tenth over third",
  ];
  const others = ["with children", "PSS of all", "RSS of the largest", "RSS of all"];
  return [
    section(
      "Memory (MB) over cycles of ADD and DEL: of the agent's process without mapped files; then the most of others",
      [[...head, ...others], ...rows],
    ),
  ];
}

function packets(report) {
  const measured = report.variants.filter((variant) => variant.packets.length > 0);
  const first = measured[0];
  if (first === undefined) return [];
  const head = [
    "marks",
    ...first.packets.map(({ pods }) => (pods === null ? "no rules" : `${pods} other pods`)),
  ];
  const rows = measured.map(({ variant, packets: [none, ...rest] }) => [
    variantLabel(variant),
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

function targets(report) {
  const rows = targetRows(report);
  if (rows.length === 0) return [];
  const head = ["", "measured", "target", "dream", ""];
  return [section("Targets (times the bare delegate where no unit is given)", [head, ...rows])];
}

/** From outside and from the wrapper's own log; as medians, the parts add up to the first column only roughly. */
function breakdowns(report) {
  const parts = ["wall", "nodeStart", "ownStart", "around", "delegate", "rules", "rest"];
  const head = ["marks", "pods", "annotations", "ADD", "bare Node start", "our code on top"];
  return [
    [...head, "config in, result out", "delegate", "rules", "lookup, journal, lock"],
    ...report.variants.flatMap(({ variant, nodes }) =>
      nodes.flatMap(({ pods, breakdown }) =>
        Object.entries(breakdown).map(([kind, of]) => [
          variantLabel(variant),
          pods,
          kind,
          ...parts.map((part) => of[part].toFixed(1)),
        ]),
      ),
    ),
  ];
}

function eachNode(report, cells) {
  return report.variants.flatMap(({ variant, nodes }) =>
    nodes.map((node) => [variantLabel(variant), node.pods, ...cells(node)]),
  );
}

function kindsIn(report) {
  const all = report.variants.flatMap(({ nodes }) => nodes.flatMap((node) => kindsOf(node.times)));
  return KINDS.filter((kind) => all.includes(kind));
}
