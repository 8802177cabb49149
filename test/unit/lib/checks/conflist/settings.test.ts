import { capabilityFindings, settingFindings } from "../../../../../lib/checks/conflist/settings";
import { brief, listOf, OURS, read } from "./set-up";

test("every wrong setting with its line, a mistyped key not as a missing one too", () => {
  const findings = settingFindings(
    listOf({ ...OURS, delegat: {}, mask: "0x", tenants: { a: { fwmrk: "0x1/0x1" } } }),
  );
  expect(brief(findings)).toEqual(["TR0411 /delegat", "TR0411 /tenants/a/fwmrk", "TR0411 /mask"]);
  const [mistyped] = findings;
  expect(mistyped).toMatchObject({
    fault: expect.stringContaining("a.conflist, line 17: /delegat is an unknown key") as string,
    remedy: 'Did you mean "delegate"? (/delegat)',
  });
});

test("what comes from the list is looked for there", () => {
  const [finding] = settingFindings(read({ cniVersion: "1.0.0", name: "a b", plugins: [OURS] }));
  expect(finding?.fault).toContain("a.conflist, line 3: /name is");
});

test("no plugin of ours, nothing to judge", () => {
  expect(settingFindings(listOf({ type: "flannel" }))).toEqual([]);
});

test("chained behind another plugin no delegate is missing", () => {
  const { delegate: _, ...chained } = OURS;
  expect(settingFindings(listOf({ type: "flannel" }, chained))).toEqual([]);
});

test.each<[object, readonly string[]]>([
  [{ type: "portmap" }, ["TR0414 portmap"]],
  [{ type: "portmap", capabilities: { portMappings: false } }, ["TR0414 portmap"]],
  [{ type: "portmap", capabilities: { portMappings: true } }, []],
  [{ type: "bandwidth" }, ["TR0414 bandwidth"]],
  [{ type: "constructor" }, []],
])("%j", (plugin, found) => {
  expect(brief(capabilityFindings(listOf(OURS, plugin)))).toEqual(found);
});
