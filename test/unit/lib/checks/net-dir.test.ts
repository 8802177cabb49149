import { isRead, netDirOf } from "../../../../lib/checks/net-dir";

const OURS = { type: "tenant-routing-wrapper" };
const list = (...plugins: object[]) => ({ cniVersion: "1.0.0", name: "pods", plugins });

function file(name: string, content: object | string) {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return { name, content: Buffer.from(text) };
}

test("the first name in the order of its bytes decides", () => {
  const dir = netDirOf([
    file("10-tenants.conflist", list(OURS, { type: "portmap" })),
    file("05-cilium.conflist", list({ type: "cilium-cni" })),
    file("README", "not for runtimes"),
  ]);
  expect(dir.files.map(({ name }) => name)).toEqual(["05-cilium.conflist", "10-tenants.conflist"]);
  expect(dir.used).toMatchObject({
    name: "05-cilium.conflist",
    ours: false,
    types: ["cilium-cni"],
  });
  expect(dir.ours).toMatchObject({
    types: ["tenant-routing-wrapper", "portmap"],
    fault: undefined,
  });
  expect(dir.before).toEqual([dir.used]);
  expect(dir.renamed).toEqual([]);
});

test.each([
  [["10-a.conf", "10-a.conflist"], "10-a.conf"],
  [["10-b.conf", "10-B.conf"], "10-B.conf"],
  [["9-a.conf", "10-a.conf"], "10-a.conf"],
  [["10-é.conf", "10-z.conf"], "10-z.conf"],
])("%j: %s is used", (names, used) => {
  const entries = names.map((name) => file(name, name.endsWith("list") ? list(OURS) : OURS));
  expect(netDirOf(entries).used?.name).toBe(used);
});

test("copies after ours, and files of ours under names that nobody reads", () => {
  const dir = netDirOf([
    file("10-ours.conflist", list(OURS)),
    file("20-ours.conflist", list(OURS)),
    file("10-ours.conflist.cilium_bak", list(OURS)),
    file("10-ours.conflist.bak", list(OURS)),
    file("99-other.conflist.bak", list({ type: "bridge" })),
  ]);
  expect(dir.used).toBe(dir.ours);
  expect(dir.copies.map(({ name }) => name)).toEqual(["20-ours.conflist"]);
  expect(dir.renamed).toEqual([
    { name: "10-ours.conflist.bak", by: undefined },
    { name: "10-ours.conflist.cilium_bak", by: "Cilium" },
  ]);
});

test.each<[string, string, object | string, string]>([
  ["JSON that is none", "05-a.conflist", "{", "is not valid JSON at line 1, column 2"],
  ["no object", "05-a.conflist", "[]", "is not a JSON object"],
  ["a plugin in a conflist's place", "05-a.conflist", { type: "bridge" }, 'has no "plugins"'],
  ["an empty list", "05-a.conflist", list(), 'has no plugins in "plugins"'],
  ["a list without a name", "05-a.conflist", { plugins: [OURS] }, 'has no "name"'],
  ["a plugin without type", "05-a.conflist", list({}), 'has a plugin without "type"'],
  ["a list in a plugin's place", "05-a.conf", list(OURS), "is a list of plugins"],
  ["nothing", "05-a.json", {}, 'has no "type"'],
])("%s: containerd stops at it, CRI-O goes on", (_, name, content, fault) => {
  const entries = [file(name, content), file("10-ours.conflist", list(OURS))];
  expect(netDirOf(entries).used?.fault).toContain(fault);
  expect(netDirOf(entries, "CRI-O").used?.name).toBe("10-ours.conflist");
});

test("what cannot be read is refused", () => {
  const dir = netDirOf([{ name: "05-a.conf", content: { problem: "EACCES" } }]);
  expect(dir.used).toEqual({
    ...{ name: "05-a.conf", types: [], ours: false },
    fault: "cannot be read (EACCES)",
  });
});

test("an empty directory has nothing", () => {
  expect(netDirOf([])).toEqual({
    ...{ files: [], used: undefined, ours: undefined, before: [], copies: [], renamed: [] },
  });
});

test.each([
  ["10-a.conf", true],
  ["10-a.conflist", true],
  ["10-a.json", true],
  ["10-a.conflist.bak", false],
  ["conf", false],
])("a runtime reads %s: %s", (name, read) => {
  expect(isRead(name)).toBe(read);
});
