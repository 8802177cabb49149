import { markFindings } from "../../../../../lib/checks/conflist/marks";
import { brief, confOf, listOf, OURS } from "./set-up";

function found(more: object, ...others: object[]) {
  const conflist = listOf({ ...OURS, ...more }, ...others);
  return markFindings(conflist, confOf(conflist));
}
const tenants = (...marks: string[]) => ({
  tenants: Object.fromEntries(marks.map((fwmark, i) => [`t${i}`, { fwmark }])),
});

test.each<[string, object, readonly string[]]>([
  ["masks", tenants("0x10/0xff", "0x20/0xff"), []],
  ["one without a mask", tenants("0x10/0xff", "0x20"), ["TR0412 t1"]],
  ["a mask for all", { ...tenants("0x10", "0x20"), mask: "0xff" }, []],
  ["the whole mark, meant so", tenants("0x10/0xffffffff"), ["TR0413 t0"]],
  ["marks without a mask", { marks: { v: { mark: 16 } } }, ["TR0412 v"]],
  ["marks with one", { marks: { v: { mark: 16, mask: 16 } } }, []],
  ["bits of kube-proxy's", tenants("0x4000/0xff00"), ["TR0413 t0"]],
  ["no tenants", {}, []],
])("%s", (_, more, codes) => {
  expect(brief(found(more))).toEqual(codes);
});

test.each([
  [["0x10", "0x20"], "0x20/0xff"],
  [["0x1/0xf", "0x20"], "0x20/0xff"],
  [["0x10000", "0x20000"], "0x20000/0x30000"],
])("%j: one mask for all of them", (marks, mask) => {
  const remedy = found(tenants(...marks)).at(-1)?.remedy;
  expect(remedy).toContain(`"fwmark": "${mask}"`);
});

test("neighbours in the list count, each with its own way out", () => {
  const more = tenants("0x10/0xff");
  expect(found(more, { type: "portmap" })).toEqual([]);
  const [finding] = found(more, { type: "cilium-cni" });
  expect(finding).toMatchObject({
    code: "TR0413",
    fault: expect.stringContaining("has the bits 0xff of Cilium") as string,
    remedy: expect.stringContaining("enable-identity-mark") as string,
  });
  expect(found(tenants("0x2000/0x3000"), { type: "portmap" })[0]?.fault).toContain("of portmap");
});
