import { formFindings } from "../../../../../lib/checks/conflist/form";
import { brief, listOf, OURS, read } from "./set-up";

const FLANNEL = { type: "flannel" };

test.each<[string, object, string, readonly string[]]>([
  ["a list with ours", { name: "n", plugins: [OURS] }, "a.conflist", []],
  ["a list in a file *.conf", { name: "n", plugins: [OURS] }, "a.conf", ["TR0405 a.conflist"]],
  ["a plugin in a file *.conflist", OURS, "a.conflist", ["TR0405 a.conflist"]],
  ["a plugin in a file *.conf", OURS, "a.conf", ["TR0406 a.conflist"]],
  ["another plugin", { name: "n", plugins: [FLANNEL] }, "a.conflist", ["TR0407 a.conflist"]],
  [
    "ours mistyped",
    { name: "n", plugins: [FLANNEL, { type: "Tenant-Routing-wraper" }] },
    "a.conflist",
    ["TR0408 Tenant-Routing-wraper"],
  ],
  [
    "ours under both names",
    { name: "n", plugins: [OURS, { type: "wrapper" }] },
    "a.conflist",
    ["TR0410 a.conflist"],
  ],
  [
    "an unknown version",
    { ...listOf(OURS).object, cniVersion: "9" },
    "a.conflist",
    ["TR0416 a.conflist"],
  ],
  [
    "a version that is none",
    { ...listOf(OURS).object, cniVersion: 1 },
    "a.conflist",
    ["TR0416 a.conflist"],
  ],
  ["an empty version", { ...listOf(OURS).object, cniVersion: "" }, "a.conflist", []],
])("%s", (_, object, name, found) => {
  expect(brief(formFindings(read(object), name))).toEqual(found);
});
