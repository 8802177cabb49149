/**
 * Checks that every import follows the table of scripts/house/rooms.mjs, that no files import each
 * other in a circle, and that no room is too full. `house.mjs [ROOT]`; exit status 1 names every problem.
 */
import { dirname, resolve } from "node:path";
import { cruise } from "dependency-cruiser";
import { MOST_FILES, PACKAGES, ROOMS, WITHOUT_NODE } from "./house/rooms.mjs";

const TOP = ["cmd", "conf", "delegates", "lib"];
const ROOT = resolve(process.argv[2] ?? ".");

const { modules, summary } = await graph();
const sources = modules.filter(
  ({ source }) => TOP.includes(source.split("/")[0]) && isCode(source),
);
const problems = [...rooms(), ...sources.flatMap(imports), ...circles()];
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

/** Every module with what it imports, types included. */
async function graph() {
  const { output } = await cruise(TOP, {
    baseDir: ROOT,
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    validate: true,
    ruleSet: {
      forbidden: [{ name: "circle", severity: "error", from: {}, to: { circular: true } }],
    },
  });
  return output;
}

function isCode(source) {
  return !source.includes(".generated.");
}

function rooms() {
  const counts = Map.groupBy(sources, ({ source }) => dirname(source));
  return [...counts].flatMap(([room, files]) => [
    ...(Object.hasOwn(ROOMS, room) ? [] : [`${room}: has no row in scripts/house/rooms.mjs`]),
    ...(files.length > MOST_FILES
      ? [
          `${room}: has ${files.length} source files, more than ${MOST_FILES}: make a room for one of its concerns`,
        ]
      : []),
  ]);
}

function imports({ source, dependencies }) {
  return dependencies.flatMap((dependency) => {
    const problem = importProblem(source, dependency);
    return problem === undefined ? [] : [`${source}: ${problem}`];
  });
}

function importProblem(source, { module, resolved, dependencyTypes, couldNotResolve }) {
  const room = dirname(source);
  if (dependencyTypes.includes("core")) return nodeProblem(room, module);
  if (dependencyTypes.some((type) => type.startsWith("npm"))) return packageProblem(source, module);
  if (couldNotResolve) return `imports ${module}, which does not exist`;
  return isCode(resolved) && !resolved.endsWith(".json")
    ? rowProblem(Object.hasOwn(ROOMS, source) ? source : room, resolved)
    : undefined;
}

function nodeProblem(room, module) {
  return WITHOUT_NODE.includes(room)
    ? `imports node:${module}, and ${room} imports nothing of Node.js`
    : undefined;
}

/** `row`: the room, or the file that has a row of its own. */
function rowProblem(row, resolved) {
  const target = dirname(resolved);
  // Beside files with rows of their own a room has no say.
  if (target === row && !Object.hasOwn(ROOMS, resolved)) return undefined;
  const allowed = ROOMS[row] ?? [];
  return allowed.includes(target) || allowed.includes(resolved)
    ? undefined
    : `imports ${resolved}, and ${row} may import ${allowed.join(", ") || "nothing"} (scripts/house/rooms.mjs)`;
}

function packageProblem(source, module) {
  const name = Object.keys(PACKAGES).find(
    (each) => module === each || module.startsWith(`${each}/`),
  );
  if (name === undefined)
    return `imports ${module}, which has no row in PACKAGES (scripts/house/rooms.mjs)`;
  return PACKAGES[name] === source
    ? undefined
    : `imports ${module}, which only ${PACKAGES[name]} may import`;
}

function circles() {
  const paths = summary.violations
    .filter(({ rule }) => rule.name === "circle")
    .map(({ from, cycle }) => [from, ...cycle.map(({ name }) => name)]);
  // One circle is found once from each of its files.
  const seen = new Map(paths.map((path) => [[...new Set(path)].sort().join(" "), path]));
  return [...seen.values()].map((path) => `${path.join(" -> ")}: a circle of imports`);
}
