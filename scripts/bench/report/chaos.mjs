// What the chaos did, and what it found.
import { variantLabel } from "../kinds.mjs";
import { section } from "./table.mjs";

export function renderChaos({ variants }) {
  return variants
    .flatMap((variant) => {
      const label = variantLabel(variant.variant);
      if (variant.leftOut !== undefined) return [`LEFT OUT: ${variant.leftOut}.`];
      const { minutes, events, refusals, leaks, leakedAfter, memory, findings } = variant;
      return [
        section(`${label}: ${minutes} minutes`, [["what", "times"], ...Object.entries(events)]),
        section(`${label}: packets`, [
          ["came to", "its own", "others'"],
          ...Object.entries(leaks).map(([at, { own, wrong }]) => [at, own, wrong]),
        ]),
        ...(Object.keys(leakedAfter).length === 0
          ? []
          : [
              section(`${label}: packets at a wrong one after`, [
                ["", "packets"],
                ...Object.entries(leakedAfter),
              ]),
            ]),
        ...(Object.keys(refusals).length === 0
          ? []
          : [section(`${label}: failed by itself`, [["", "times"], ...Object.entries(refusals)])]),
        `${label}: the agent had ${memory.most.toFixed(0)} MB at most.`,
        findings.length === 0
          ? `${label}: nothing found: records, marks and pods agree, and nothing is left over.`
          : `${label}: FOUND:\n${findings.map((text) => `- ${text}`).join("\n")}`,
      ];
    })
    .join("\n\n");
}
