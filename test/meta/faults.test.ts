/** Every kind of finding is provoked somewhere, or it is said here why not. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Kind } from "../../lib/checks/finding";
import { KINDS } from "../../lib/checks/kinds";
import { read, ROOT } from "../helpers/pages";

/** Where faults are provoked on real nodes, conflists and agents. */
const PLACES = [
  ...readdirSync(join(ROOT, "test/node/faults")).map((name) => `test/node/faults/${name}`),
  ...["routes-kinds", "explain-faults", "explain", "explain-host", "lab-external-ipam"].map(
    (name) => `test/node/${name}.test.ts`,
  ),
  ...["validate", "validate-mistakes"].map((name) => `test/contract/${name}.test.ts`),
];

const EXPLAINED = "test/unit/lib/explain/explain.test.ts";
/** What is not provoked: where its pure part is tested, and why no more. */
const NOT_PROVOKED: Readonly<Record<string, readonly [unit: string, why: string]>> = {
  TR0406: [
    "test/unit/lib/checks/conflist/form.test.ts",
    "it is of a file's name and content alone",
  ],
  TR0616: [
    "test/unit/lib/checks/marks/differences.test.ts",
    "IPAM does not give one address twice",
  ],
  TR0710: ["test/unit/lib/checks/node/datapath.test.ts", "it needs a kernel with nf_flow_table"],
  TR0901: [EXPLAINED, "it is of the record alone"],
  TR0902: [EXPLAINED, "it is of the record alone"],
  TR0912: [EXPLAINED, "it is of the answer of ip route get alone"],
  TR0915: [EXPLAINED, "it is of the list of tables alone"],
  TR0916: [EXPLAINED, "it is of the answer of ip route get alone"],
};
/** Over before anybody could look on purpose. */
const PASSING = ["TR0807"];

test("every kind of finding is provoked, but for those that cannot be", () => {
  const texts = PLACES.map(read).join("\n");
  const codes = Object.values(KINDS).flatMap((area) =>
    Object.values<Kind<never>>(area).map(({ code }) => code),
  );
  const missing = codes.filter((code) => !texts.includes(code));
  expect(missing.filter((code) => !PASSING.includes(code))).toEqual(Object.keys(NOT_PROVOKED));
  for (const [code, [unit]] of Object.entries(NOT_PROVOKED)) expect(read(unit)).toContain(code);
});
