/** What the start of an ADD or a DEL takes up of the binary: code in `core.js` is paid for by each of them (decision 0123). */
import { spawnSync } from "node:child_process";
import { dirname, resolve } from "node:path";

const ROOT = resolve(__dirname, "../..");

/** Rooms that belong to each ADD and DEL as a whole. */
const ROOMS = [
  ...["lib/cni", "lib/net", "lib/text", "lib/marks", "lib/marks/iptables", "lib/marks/nftables"],
  ...["conf", "conf/checks", "conf/schema", "delegates"],
];
/** Of the other rooms, what an ADD or a DEL evaluates; whatever joins it costs all of them. */
const FILES = {
  cmd: "backends command deps io last-resort log main node-debug plugin version",
  "lib/attachment":
    "add choose-mark collect del facts journal journal-record tear-down transitions verbs",
  "lib/node":
    "clock due exec files host lock lock-queue log-file netns private-file processes sandbox stream",
};
const PACKAGES = [
  ...["@noble/hashes", "cross-spawn", "isexe", "path-key", "shebang-command", "shebang-regex"],
  "which",
];

/** Script -> the source files in it, as esbuild's wrappers name them. */
let scripts: Readonly<Record<string, readonly string[]>>;
beforeAll(() => {
  const define = { __VERSION__: '"0"', __COMMIT__: '"0"', __DATE__: '"0"' };
  const program = `
    const { bundle } = await import(${JSON.stringify(`${ROOT}/scripts/build/bundle.mjs`)});
    const scripts = await bundle(${JSON.stringify(ROOT)}, ${JSON.stringify(define)});
    const filesIn = (text) => [...text.matchAll(/^ +"([^"\\n]+\\.[jt]s)"\\(/gm)].map(([, file]) => file);
    const files = [...scripts].map(([name, text]) => [name, filesIn(text)]);
    process.stdout.write(JSON.stringify(Object.fromEntries(files)));
  `;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", program],
    { cwd: ROOT, encoding: "utf8" },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  scripts = JSON.parse(stdout) as typeof scripts;
});

test("the core has what an ADD or a DEL evaluates, and nothing else", () => {
  const core = scripts["core.js"] ?? [];
  const own = core.filter((file) => !file.startsWith("node_modules/"));
  const others = own.filter((file) => !ROOMS.includes(dirname(file)));
  const named = Object.entries(FILES).flatMap(([room, names]) =>
    names.split(" ").map((name) => `${room}/${name}.ts`),
  );
  expect(others.toSorted()).toEqual(named.toSorted());
  expect(
    [...new Set(core.filter((file) => !own.includes(file)).map(packageOf))].toSorted(),
  ).toEqual(PACKAGES);
});

test("the other verbs and the checks of STATUS are one script, the API reader is another", () => {
  const { "plugin.js": plugin = [], "api.js": api = [] } = scripts;
  for (const verb of ["check", "gc", "status"])
    expect(plugin).toContain(`lib/attachment/${verb}.ts`);
  expect(plugin).toContain("cmd/status/add-checks.ts");
  expect(api).toContain("lib/kube/source.ts");
  expect(api.filter((file) => !file.startsWith("lib/"))).toEqual([]);
  expect([...plugin, ...api].filter((file) => file.startsWith("cmd/commands/"))).toEqual([]);
});

test("no source file is in two scripts", () => {
  const all = Object.values(scripts).flat();
  expect(all.filter((file, at) => all.indexOf(file) !== at)).toEqual([]);
});

function packageOf(file: string): string {
  return /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file;
}
