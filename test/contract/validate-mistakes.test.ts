/** `wrapper validate`: every mistake in a conflist has its code, its place and its remedy. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { useBench } from "../helpers/validate";

const bench = useBench();

/** Columns. */
const WIDTH = 100;

type Edit = (text: string) => string;
const replaced =
  (from: string | RegExp, to: string): Edit =>
  (text) => {
    const changed = text.replace(from, to);
    expect(changed).not.toBe(text);
    return changed;
  };

/** Name, change, code, the end of the fault, the remedy, and the exit status where it is not 1. */
const ROWS: readonly (readonly [string, Edit, string, RegExp, RegExp, number?])[] = [
  [
    "a trailing comma",
    replaced("true } }\n  ]", "true } },\n  ]"),
    "TR0401",
    /line 20, column 68: a comma that nothing follows: \.\.\.ype": "portmap"/,
    /^Delete that comma .*line 20/,
  ],
  [
    "a comment",
    replaced('"name"', '// ours\n  "name"'),
    "TR0401",
    /line 3, column 3: a comment, which JSON does not have: \/\/ ours/,
    /^Delete the comment/,
  ],
  [
    "a quote that is missing",
    replaced('"name": "tenant-routing"', '"name: "tenant-routing"'),
    "TR0401",
    /line 3, column 11: a text where a ":" is expected/,
    /missing at the end of the key/,
  ],
  [
    "a line that may hold a credential",
    replaced('"name"', '"token": "s3cr3t" "name"'),
    "TR0401",
    /line 3, column 21: .*\(the line is hidden/,
    /^Put the comma/,
  ],
  [
    "a bracket that is missing",
    replaced(/\}\n$/, ""),
    "TR0401",
    /the end of the file/,
    /^Add \} at the end/,
  ],
  ["a byte-order mark", (text) => `\ufeff${text}`, "TR0402", /byte-order mark/, /^sed -i /],
  ["nothing", () => "", "TR0403", /is empty/, /^Write /],
  [
    "a key twice",
    replaced('"name"', '"name": "other",\n  "name"'),
    "TR0404",
    /\/name more than once, in the lines 3 and 4/,
    /line 3 or 4/,
    0,
  ],
  ["no object", () => "[]", "TR0405", /is not a JSON object/, /^Write /],
  [
    "no name",
    replaced('"name": "tenant-routing",', ""),
    "TR0405",
    /has no "name"/,
    /"name": "\.\.\."/,
  ],
  [
    "another plugin in our place",
    replaced('"tenant-routing-wrapper"', '"flannel"'),
    "TR0407",
    /only flannel, portmap/,
    /^Put \{"type": "tenant-routing-wrapper"/,
  ],
  [
    "our type mistyped",
    replaced("tenant-routing-wrapper", "tenant-routing-wraper"),
    "TR0408",
    /did you mean tenant-routing-wrapper\?/,
    /^sed -i /,
  ],
  [
    "a delegate's type mistyped",
    replaced('"ptp"', '"ptpp"'),
    "TR0409",
    /plugin ptpp \(delegate\).*did you mean ptp\?/,
    /^sed -i /,
  ],
  [
    "the IPAM's type mistyped",
    replaced('"host-local"', '"hostlocal"'),
    "TR0409",
    /plugin hostlocal \(IPAM of the delegate\).*did you mean host-local\?/,
    /^sed -i /,
  ],
  [
    "a plugin that is not there",
    replaced('"type": "portmap"', '"type": "nobodys"'),
    "TR0308",
    /"nobodys" \(in the list\)/,
    /^Install nobodys/,
  ],
  [
    "our plugin twice",
    replaced('{ "type": "portmap"', '{ "type": "wrapper" }, { "type": "portmap"'),
    "TR0410",
    /more than once/,
    /^Delete all but one/,
  ],
  [
    "a key mistyped",
    replaced('"dataDir"', '"exemptNamespace": [],\n "dataDir"'),
    "TR0411",
    /line 9: \/exemptNamespace is an unknown key/,
    /^Did you mean "exemptNamespaces"\?/,
  ],
  [
    "two tenants with one mark",
    replaced("0x20/0xff", "0x10/0xff"),
    "TR0411",
    /line 13: \/tenants\/tenant-b has mark 0x10\/0xff, which cannot be told from/,
    /^Give every tenant a value of its own/,
  ],
  [
    "two tenants with one table",
    (text) => text.replaceAll('"namespaces"', '"table": 100, "namespaces"'),
    "TR0411",
    /line 13: .*table/,
    /./,
  ],
  [
    "a mask that is missing",
    replaced("0x20/0xff", "0x20"),
    "TR0412",
    /line 13: the mark of tenant tenant-b has no mask/,
    /^sed -i 's\|"fwmark": \*"0x20"\|"fwmark": "0x20\/0xff"\|' /,
    0,
  ],
  [
    "bits of kube-proxy's",
    replaced("0x20/0xff", "0x8000/0xff00"),
    "TR0413",
    /has the bits 0xc000 of kube-proxy/,
    /^Give tenant tenant-b another mark, such as 0x/,
    0,
  ],
  [
    "portmap that hears of no port",
    replaced(', "capabilities": { "portMappings": true }', ""),
    "TR0414",
    /line 20: plugin portmap has no "capabilities"/,
    /^Write \{"type": "portmap", "capabilities"/,
    0,
  ],
  [
    "a version that nobody knows",
    replaced('"1.0.0"', '"1.2.0"'),
    "TR0416",
    /line 2: cniVersion is "1\.2\.0"/,
    /^Write "cniVersion": "1\.0\.0"/,
  ],
  [
    "another plugin first",
    replaced('"plugins": [', '"plugins": [{ "type": "flannel" },'),
    "TR0307",
    /another plugin before ours, and ours has a "delegate"/,
    /^Move our plugin to the front/,
  ],
  [
    "no delegate",
    replaced(/,\s*"delegate": \{[^]*?\}\s*\}/, ""),
    "TR0307",
    /first and without a "delegate"/,
    /^Add a "delegate"/,
  ],
  [
    "a kubeconfig that is not there",
    replaced(/\/[^"]*\/conf"/, '/nowhere/kubelet.conf"'),
    "TR0501",
    /\/nowhere\/kubelet\.conf cannot be opened \(ENOENT\)/,
    /./,
  ],
];

const CASES = ROWS.map(([name, ...mistake]) => [name, mistake] as const);

test.each(CASES)("%s", (_, [edit, code, fault, remedy, exit = 1]) => {
  const { dir, file } = bench;
  writeFileSync(file, edit(bench.good()));
  const found = bench.findings();
  expect(found.map((each) => each.code)).toContain(code);
  const finding = found.find((each) => each.code === code);
  expect(finding?.fault).toMatch(fault);
  expect(finding?.remedy).toMatch(remedy);
  expect(JSON.stringify(found)).not.toContain("s3cr3t");
  const { status, stdout } = bench.run();
  expect(status).toBe(exit);
  expect(stdout).toContain(`${code} `);
  const fixes = stdout.split("\n").filter((line) => line.startsWith("        fix: "));
  expect(fixes).toHaveLength(new Set(found.map((each) => `${each.code} ${each.remedy}`)).size);
  for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(WIDTH);
  // A command ends it; what begins with a capital is for hands.
  if (!/^[a-z]/.test(finding?.remedy ?? "")) return;
  spawnSync("sh", ["-c", finding?.remedy ?? ""], { cwd: dir });
  expect(bench.codes()).not.toContain(code);
});
