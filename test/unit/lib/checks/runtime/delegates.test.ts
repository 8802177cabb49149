/** What CNI STATUS looks for in the runtime's plugin directories. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { delegateCheck } from "../../../../../lib/checks/runtime/delegates";
import { confWith, tenantWith } from "../../../../helpers/conf-object";

let dir = "";
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "delegates-"))));
afterEach(() => rmSync(dir, { recursive: true }));

function plugin(name: string, mode = 0o755): void {
  writeFileSync(join(dir, name), "#!/bin/sh\n");
  chmodSync(join(dir, name), mode);
}

async function found(conf: Parameters<typeof confWith>[0]): Promise<readonly string[]> {
  const places = { dirs: [dir], others: [], binary: "/wrapper" };
  const { findings } = await delegateCheck(confWith(conf), places).look();
  return findings.map(({ code, subject }) => `${code} ${subject?.split("/").at(-1) ?? ""}`);
}

test("the delegate, its IPAM, and those of tenants, which only a tenant needs", async () => {
  plugin("ptp");
  plugin("host-local", 0o644);
  const tenants = [tenantWith(), tenantWith({ name: "vpn", delegate: { type: "bridge" } })];
  expect(await found({ delegate: { type: "ptp", ipam: { type: "host-local" } }, tenants })).toEqual(
    ["TR0309 host-local", "TR0308 bridge"],
  );
});

test("nothing is needed without a delegate, and our own plugin is not looked for", async () => {
  expect(await found({ delegate: undefined })).toEqual([]);
});
