/** What is said of conflists and plugins where it depends on who did it and what is used instead. */
import { findingOf } from "../../../../../lib/checks/finding";
import { RUNTIME } from "../../../../../lib/checks/kinds/runtime";

const FILE = { dir: "/net.d", file: "10-ours.conflist.cilium_bak", first: "10-ours.conflist" };
const UNMARKED = "every new pod starts WITHOUT a tenant, and nothing fails";
const NO_NETWORK = "no pod starts, and the node becomes NotReady";
const AGAIN = "; it does so again unless its cni.exclusive is false";

test.each([
  ["Cilium", "05.conflist", `${UNMARKED}${AGAIN}`],
  ["Cilium", undefined, `${NO_NETWORK}${AGAIN}`],
  [undefined, "05.conflist", UNMARKED],
  [undefined, undefined, NO_NETWORK],
])("a conflist that %s renamed, %s in use", (by, used, consequence) => {
  const uses = used === undefined ? "has none" : "uses 05.conflist";
  expect(findingOf(RUNTIME, "conflist-renamed", { ...FILE, by, used })).toMatchObject({
    ...{ code: "TR0302", severity: "failed", consequence },
    fault: `${by ?? "somebody"} renamed our conflist to ${FILE.file}; the runtime ${uses}`,
    remedy: `mv /net.d/${FILE.file} /net.d/10-ours.conflist`,
  });
});

test("a missing conflist, with another in use: pods start without a tenant", () => {
  const facts = { dir: "/net.d", used: "05.conflist", first: "00-ours.conflist" };
  expect(findingOf(RUNTIME, "conflist-missing", facts)).toMatchObject({
    remedy: "Write /net.d/00-ours.conflist, as docs/install.md says",
    ...{ code: "TR0303", consequence: UNMARKED },
    fault: "no conflist in /net.d has our plugin; the runtime uses 05.conflist",
  });
});

test.each([
  ["is no JSON (line 3, column 7)", "Correct /net.d/a.conflist at line 3, column 7"],
  ["is empty", "Correct /net.d/a.conflist"],
])("a conflist that %s: where to correct it", (problem, remedy) => {
  const facts = { dir: "/net.d", file: "a.conflist", problem };
  expect(findingOf(RUNTIME, "conflist-unreadable", facts)).toMatchObject({
    ...{ code: "TR0305", fault: `a.conflist ${problem}`, remedy },
    consequence:
      "containerd starts no pod once it reads the file again; CRI-O takes the next file instead",
  });
});

test("in front without a delegate, and behind another plugin with one", () => {
  const of = (chained: boolean) =>
    findingOf(RUNTIME, "plugin-order", { dir: "/net.d", file: "a", chained });
  expect(of(true)).toMatchObject({
    ...{ code: "TR0307", fault: 'a has our plugin first and without a "delegate"' },
    consequence: "there is no interface that could be marked: every ADD fails",
    remedy: 'Add a "delegate" to our plugin in /net.d/a, or put it behind the main plugin',
  });
  expect(of(false)).toMatchObject({
    ...{ code: "TR0307", fault: 'a has another plugin before ours, and ours has a "delegate"' },
    consequence: "two plugins make the pod's interface, so every ADD fails",
    remedy: 'Move our plugin to the front of "plugins" in /net.d/a',
  });
});

test("a plugin that is nowhere, without a directory to install it in", () => {
  const facts = { type: "ptp", role: "delegate", dirs: [], elsewhere: undefined };
  expect(findingOf(RUNTIME, "plugin-missing", facts)).toMatchObject({
    ...{ code: "TR0308", remedy: "Install ptp in the runtime's plugin directory" },
    consequence: "every ADD that needs it fails with code 100 or in the runtime",
  });
});

test.each([
  [undefined, "is not executable", "chmod 0755 '/my bin/ptp'"],
  ["is empty", "is empty", "Install /my bin/ptp again"],
])("a plugin whose problem is %s", (problem, fault, remedy) => {
  const facts = { ...{ type: "ptp", role: "delegate", dirs: [] }, path: "/my bin/ptp", problem };
  expect(findingOf(RUNTIME, "plugin-unusable", facts)).toMatchObject({
    ...{ code: "TR0309", consequence: "every ADD that needs it fails", remedy },
    fault: `/my bin/ptp (delegate) ${fault}`,
  });
});

test("a launcher alone: the binary is installed beside it", () => {
  const facts = { path: "/bin/w", binary: "/opt/x y" };
  expect(findingOf(RUNTIME, "launcher-alone", facts)).toMatchObject({
    ...{ code: "TR0310", severity: "failed" },
    fault: "/bin/w is the launcher, and there is no program /bin/w.bin beside it",
    consequence: "without a running agent every ADD and DEL fails",
    remedy: "install -m 0755 '/opt/x y' /bin/w.bin",
  });
});
