// How long `wrapper status` takes.
import { variantLabel } from "../kinds.mjs";
import { section } from "./table.mjs";

/** Its table; none where it was not measured. */
export function statusTable(report) {
  const rows = report.variants.flatMap(({ variant, status: figures }) =>
    figures === undefined
      ? []
      : [
          [
            variantLabel(variant),
            figures.pods,
            (figures.look.median / 1000).toFixed(2),
            (figures.look.p95 / 1000).toFixed(2),
            (figures.start.median / 1000).toFixed(3),
            figures.ratio.toFixed(1),
          ],
        ],
  );
  if (rows.length === 0) return [];
  const head = ["marks", "pods", "median", "95th percentile", "bare start", "starts"];
  return [section("`wrapper status` (s), beside a start of the bare binary", [head, ...rows])];
}
