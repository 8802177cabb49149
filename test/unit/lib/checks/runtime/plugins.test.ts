/** The plugins that an ADD needs, looked for as a runtime does. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNeeded, neededPlugins } from "../../../../../lib/checks/runtime/plugins";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "plugins-"));
  for (const name of ["a", "b", "other"]) mkdirSync(join(dir, name));
});
afterEach(() => rmSync(dir, { recursive: true }));

const put = (path: string, text = "#!/bin/sh\n", mode = 0o755): void => {
  writeFileSync(join(dir, path), text);
  chmodSync(join(dir, path), mode);
};
const look = (type: string, ours = false) =>
  findNeeded(
    { type, role: "delegate", ours },
    { dirs: [join(dir, "a"), join(dir, "b")], others: [join(dir, "other")], binary: "/x/wrapper" },
  );

test("every plugin of the list, of each tenant's delegate and its IPAM, once", () => {
  const delegate = { type: "ptp", ipam: { type: "host-local" } };
  const tenants = [
    { name: "a", delegate: { ipam: { type: "dhcp" } } },
    { name: "b", delegate: undefined },
  ];
  const needed = neededPlugins(
    { plugins: [{ type: "tenant-routing-wrapper" }, { type: "portmap" }] },
    { delegate, tenants } as unknown as Parameters<typeof neededPlugins>[1],
  );
  expect(needed.map(({ type, role, ours }) => [type, role, ours])).toEqual([
    ["tenant-routing-wrapper", "our plugin", true],
    ["portmap", "in the list", false],
    ["ptp", "delegate", false],
    ["host-local", "IPAM of the delegate", false],
    ["dhcp", "IPAM of the delegate of tenant a", false],
  ]);
});

test("the first file of its name counts", () => {
  put("b/ptp");
  expect(look("ptp")).toMatchObject({ path: join(dir, "b/ptp"), findings: [] });
  put("a/ptp", "");
  expect(look("ptp").findings).toMatchObject([
    { kind: "plugin-unusable", remedy: `Install ${join(dir, "a/ptp")} again` },
  ]);
});

test.each([
  ["elsewhere", () => put("other/ptp"), "install -m 0755 DIR/other/ptp DIR/a/ptp"],
  ["nowhere", () => undefined, "Install ptp in DIR/a"],
  ["a directory", () => mkdirSync(join(dir, "a/ptp")), "Install ptp in DIR/a"],
])("a plugin that is %s", (_, make, remedy) => {
  make();
  expect(look("ptp").findings).toMatchObject([
    { kind: "plugin-missing", remedy: remedy.replaceAll("DIR", dir) },
  ]);
});

test("our own is here", () => {
  expect(look("tenant-routing-wrapper", true).findings).toMatchObject([
    { remedy: `install -m 0755 /x/wrapper ${join(dir, "a/tenant-routing-wrapper")}` },
  ]);
});
