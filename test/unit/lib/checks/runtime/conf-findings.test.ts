/** Which conflist the runtime uses, and what is wrong with that. */
import { netDirOf } from "../../../../../lib/checks/net-dir";
import { confFindings, orderFindings } from "../../../../../lib/checks/runtime/conf-findings";

const list = (...types: readonly string[]): string =>
  JSON.stringify({ cniVersion: "1.0.0", name: "n", plugins: types.map((type) => ({ type })) });
const OURS = list("tenant-routing-wrapper");
const OTHER = list("cilium-cni");
const DIR = "/etc/cni/net.d";

function found(files: Readonly<Record<string, string>>, wanted?: string) {
  const entries = Object.entries(files).map(([name, text]) => ({
    name,
    content: Buffer.from(text),
  }));
  return confFindings({ dir: DIR, net: netDirOf(entries) }, wanted).map(
    ({ kind, remedy }) => `${kind}: ${remedy}`,
  );
}

test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  ["ours alone", { "10-a.conflist": OURS }, []],
  ["another behind ours", { "10-a.conflist": OURS, "99-b.conflist": OTHER }, []],
  [
    "another before ours",
    { "10-a.conflist": OURS, "05-b.conf": JSON.stringify({ type: "bridge" }) },
    [`another-conflist-first: mv ${DIR}/10-a.conflist ${DIR}/00-a.conflist`],
  ],
  [
    "another with zeros before ours",
    { "10-a.conflist": OURS, "00-0.conflist": OTHER },
    [`another-conflist-first: mv ${DIR}/10-a.conflist ${DIR}/0-a.conflist`],
  ],
  [
    "another with as little as can be before ours",
    { "0-a.conflist": OURS, "0-0.conflist": OTHER },
    [`another-conflist-first: mv ${DIR}/0-a.conflist ${DIR}/+a.conflist`],
  ],
  [
    "ours renamed, another in use",
    { "10-a.conflist.cilium_bak": OURS, "05-cilium.conflist": OTHER },
    [`conflist-renamed: mv ${DIR}/10-a.conflist.cilium_bak ${DIR}/00-a.conflist`],
  ],
  [
    "ours renamed, nothing else",
    { "10-a.conflist.bak": OURS },
    [`conflist-renamed: mv ${DIR}/10-a.conflist.bak ${DIR}/10-a.conflist`],
  ],
  [
    "none of ours: it has to sort before the one that is used",
    { "05-cilium.conflist": OTHER },
    [`conflist-missing: Write ${DIR}/00-tenant-routing.conflist, as docs/install.md says`],
  ],
  [
    "none of ours, and the usual name sorts first",
    { "20-other.conflist": OTHER },
    [`conflist-missing: Write ${DIR}/10-tenant-routing.conflist, as docs/install.md says`],
  ],
  [
    "a copy",
    { "10-a.conflist": OURS, "20-a.conflist": OURS },
    [`conflist-copy: mv ${DIR}/20-a.conflist ${DIR}/20-a.conflist.unused`],
  ],
  [
    "ours is broken",
    { "10-a.conflist": '{"name": "n",}' },
    [`conflist-unreadable: Correct ${DIR}/10-a.conflist at line 1, column 13`],
  ],
  ["a broken one behind ours", { "10-a.conflist": OURS, "20-b.conflist": "{" }, []],
])("%s", (_, files, expected) => {
  expect(found(files)).toEqual(expected);
});

test("the file that is named on the command line is meant to be used", () => {
  const files = { "10-a.conflist": OURS, "20-b.conflist": OURS };
  expect(found(files, "20-b.conflist")).toEqual([
    `another-conflist-first: mv ${DIR}/20-b.conflist ${DIR}/00-b.conflist`,
  ]);
});

test.each([
  [[{ type: "wrapper", delegate: {} }, { type: "portmap" }], []],
  [[{ type: "flannel" }, { type: "wrapper" }], []],
  [[{ type: "bandwidth" }, { type: "wrapper", delegate: {} }], ["Move our plugin to the front"]],
  [[{ type: "wrapper" }, { type: "portmap" }], ['Add a "delegate"']],
])("the place of our plugin in %j", (plugins, expected) => {
  const remedies = orderFindings({ dir: DIR, file: "f" }, { plugins }).map(({ remedy }) => remedy);
  expect(remedies).toEqual(expected.map((text) => expect.stringContaining(text) as string));
});
