/** The support bundle of ON-CALL.md: its commands as they stand, on a node whose files are where the page says. */
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { FLAVOURS } from "../helpers/firewall";
import { BINARY } from "../helpers/harness";
import { nodeFiles } from "../helpers/node-files";
import { annotated, ASKS, createRuntime, type Conflist } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const PAGE = readFileSync(resolve(__dirname, "../../ON-CALL.md"), "utf8");
const COMMANDS = /^## Support bundle$[^]*?^```sh\n([^]*?)^```$/m.exec(PAGE)?.[1] ?? "false";
const world = useNode();

test.each(FLAVOURS)("it has the rules of iptables-%s, and makes no table by looking", async (iptables) => {
  const files = nodeFiles(world);
  const delegate = { type: "ptp", ipMasq: false, ipam: { type: "host-local", subnet: "10.88.0.0/24" } };
  const list: Conflist = { cniVersion: "1.0.0", name: "bundle", plugins: [{ type: "tenant-routing-wrapper", ...ASKS, iptables, delegate }] };
  files.write("/etc/cni/net.d/10-bundle.conflist", JSON.stringify(list));
  expectOk(await createRuntime(world, list, { wrap: files.wrap }).add(world.newPod(), annotated("0x10/0xff")));
  const [bin, out] = [join(world.dir, "bin"), join(world.dir, "bundle")];
  for (const dir of [bin, out]) mkdirSync(dir);
  symlinkSync(BINARY, join(bin, "wrapper"));
  world.inside(undefined, "sh", "-ec", `${files.wrap}\nPATH=${bin}:$PATH; cd '${out}'; sh -c "$1"; tar -xzf tenant-routing-*.tar.gz`, "sh", COMMANDS);
  const read = (name: string): string => readFileSync(join(out, name), "utf8");
  const rule = '--comment "tenant-routing team-a/web-0 ';
  expect(read(iptables === "nft" ? "iptables-nft" : "iptables-legacy")).toContain(rule);
  expect(read("check.json")).toContain("team-a/web-0");
  expect(read("wrapper.log")).toContain('"msg":"ADD"');
  expect(read("net.d/10-bundle.conflist")).toContain("tenant-routing-wrapper");
  const legacy = world.inside(undefined, "sh", "-c", "cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || :");
  expect(legacy).toBe(iptables === "nft" ? "" : "mangle\n");
});
