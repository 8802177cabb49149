// The bench's command line.
import { parseArgs } from "node:util";

export const USAGE = `usage: sudo npm run bench -- [options]
  --quick            few iterations, for a first look
  --iterations N     rounds per table row (default 20)
  --pods N,N,...     pods already on the node (default 0,200,1000)
  --variant NAME     nft or legacy (repeatable; default both)
  --breakdown        also: where the time of one ADD goes
  --burst            only: 110 ADDs, then 110 DELs, all at once beside 40 busy processes
  --no-packets       leave out the cost per packet
  --binary FILE      measure this one (default dist/tenant-routing-wrapper, built first)
  --against FILE     also this one, such as an older build: both in each round, compared round by round
  --out FILE         where the figures go as JSON (default dist/bench.json)
  --page FILE        also put the tables between the bench markers of this file
`;

const VARIANTS = ["nft", "legacy"];
const FULL = { iterations: 20, packetRounds: 5, pings: 4000 };
const QUICK = { iterations: 4, packetRounds: 2, pings: 1500 };

/** Options with their defaults. Throws on anything that is not understood. */
export function parseOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h", default: false },
      quick: { type: "boolean", default: false },
      iterations: { type: "string" },
      pods: { type: "string", default: "0,200,1000" },
      variant: { type: "string", multiple: true, default: VARIANTS },
      breakdown: { type: "boolean", default: false },
      burst: { type: "boolean", default: false },
      "no-packets": { type: "boolean", default: false },
      binary: { type: "string" },
      out: { type: "string" },
      against: { type: "string" },
      page: { type: "string" },
    },
  });
  const base = values.quick ? QUICK : FULL;
  const unknown = values.variant.filter((name) => !VARIANTS.includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown variant ${unknown.join(", ")}: use ${VARIANTS.join(" or ")}`);
  return {
    help: values.help,
    ...base,
    iterations:
      values.iterations === undefined
        ? base.iterations
        : count(values.iterations, "--iterations", 1),
    pods: values.pods
      .split(",")
      .map((text) => count(text, "--pods", 0))
      .sort((a, b) => a - b),
    variants: [...new Set(values.variant)],
    breakdown: values.breakdown,
    burst: values.burst,
    packets: !values["no-packets"],
    binary: values.binary,
    out: values.out,
    against: values.against,
    page: values.page,
  };
}

function count(text, option, least) {
  const value = Number(text);
  // The pods of one node share a /16 with those that the rounds attach.
  if (!/^[0-9]+$/.test(text) || value < least || value > 20000)
    throw new Error(`${option}: "${text}" is not a number from ${least} to 20000`);
  return value;
}
