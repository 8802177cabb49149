// The bench's command line.
import { parseArgs } from "node:util";
import { VARIANTS } from "./kinds.mjs";

export const USAGE = `usage: sudo npm run bench -- [options]
  --quick            few iterations, for a first look
  --iterations N     rounds per table row (default 20)
  --pods N,N,...     pods already on the node (default 0,200,1000,5000; quick: 0,200)
  --variant NAME     nft, legacy or nftables (repeatable; default all; quick: nft and nftables)
  --only PART,...    operations, bursts, repairs, memory, status, packets (default all; quick: operations)
  --no-packets       leave out the cost per packet
  --breakdown        also: where the time of one ADD goes
  --burst            the same as --only bursts
  --bursts N,N,...   pods that are attached, then deleted, at once (default 50,110)
  --burst-rounds N   how often (default 5, quick: 1)
  --busy N           processes beside a burst that keep the machine busy (default 0)
  --cycles N         ADDs and DELs whose memory is measured (default 10000; quick: 500)
  --chaos [MINUTES]  only: kills, freezes, flushes and link flaps for so long (default 10), and what is left of them
  --troubles A,...   of hurt, kill, freeze, flush, flap, none: what the chaos does (default all but none)
  --binary FILE      measure this one (default dist/tenant-routing-wrapper, built first)
  --launcher FILE    with this launcher (default dist/tenant-routing-launcher)
  --against FILE     also this one, such as an older build: both in each round, compared round by round
  --out FILE         where the figures go as JSON (default dist/bench.json)
  --page FILE        also put the tables between the bench markers of this file
`;

const PARTS = ["operations", "bursts", "repairs", "memory", "status", "packets"];
const FULL = {
  iterations: 20,
  packetRounds: 5,
  pings: 4000,
  repairRounds: 10,
  burstRounds: 5,
  cycles: 10_000,
  pods: [0, 200, 1000, 5000],
  variants: VARIANTS,
  sections: PARTS,
};
const QUICK = {
  iterations: 4,
  packetRounds: 2,
  pings: 1500,
  repairRounds: 3,
  burstRounds: 1,
  cycles: 500,
  pods: [0, 200],
  variants: ["nft", "nftables"],
  sections: ["operations"],
};

const TROUBLES = ["hurt", "kill", "freeze", "flush", "flap"];
const CHAOS_MINUTES = "10";

/** Options with their defaults. Throws on anything that is not understood. */
export function parseOptions(given) {
  const args = withMinutes(given);
  const { values } = parseArgs({
    args,
    options: {
      help: { type: "boolean", short: "h", default: false },
      quick: { type: "boolean", default: false },
      iterations: { type: "string" },
      pods: { type: "string" },
      variant: { type: "string", multiple: true },
      only: { type: "string" },
      breakdown: { type: "boolean", default: false },
      burst: { type: "boolean", default: false },
      bursts: { type: "string", default: "50,110" },
      "burst-rounds": { type: "string" },
      busy: { type: "string", default: "0" },
      cycles: { type: "string" },
      "no-packets": { type: "boolean", default: false },
      chaos: { type: "string" },
      troubles: { type: "string" },
      binary: { type: "string" },
      launcher: { type: "string" },
      out: { type: "string" },
      against: { type: "string" },
      page: { type: "string" },
    },
  });
  const base = values.quick ? QUICK : FULL;
  const number = (text, option, least, otherwise) =>
    text === undefined ? otherwise : count(text, option, least);
  const { help, breakdown, binary, launcher, out, against, page } = values;
  return {
    ...{ help, breakdown, binary, launcher, out, against, page },
    ...base,
    iterations: number(values.iterations, "--iterations", 1, base.iterations),
    cycles: number(values.cycles, "--cycles", 10, base.cycles),
    busy: count(values.busy, "--busy", 0),
    chaos: number(values.chaos, "--chaos", 1),
    troubles: known(values.troubles?.split(",") ?? TROUBLES, [...TROUBLES, "none"], "trouble"),
    pods: values.pods === undefined ? base.pods : numbers(values.pods, "--pods", 0),
    bursts: numbers(values.bursts, "--bursts", 1),
    burstRounds: number(values["burst-rounds"], "--burst-rounds", 1, base.burstRounds),
    variants: known(values.variant ?? base.variants, VARIANTS, "variant"),
    sections: sectionsOf(values, base),
  };
}

// parseArgs knows no option whose value may be left out.
function withMinutes(args) {
  const at = args.indexOf("--chaos");
  const next = args[at + 1];
  if (at < 0 || (next !== undefined && !next.startsWith("-"))) return args;
  return args.toSpliced(at + 1, 0, CHAOS_MINUTES);
}

function sectionsOf(values, base) {
  if (values.burst) return ["bursts"];
  const wanted = known(values.only?.split(",") ?? base.sections, PARTS, "part");
  return wanted.filter((part) => part !== "packets" || !values["no-packets"]);
}

function known(names, all, what) {
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown ${what} ${unknown.join(", ")}: use ${all.join(", ")}`);
  return [...new Set(names)];
}

function numbers(text, option, least) {
  return text
    .split(",")
    .map((each) => count(each, option, least))
    .sort((a, b) => a - b);
}

function count(text, option, least) {
  const value = Number(text);
  // The pods of one node share a /16 with those that the rounds attach.
  if (!/^[0-9]+$/.test(text) || value < least || value > 20000)
    throw new Error(`${option}: "${text}" is not a number from ${least} to 20000`);
  return value;
}
