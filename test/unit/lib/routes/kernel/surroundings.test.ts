import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniError } from "../../../../../lib/cni/error";
import type { ForwardTable } from "../../../../../lib/routes/kernel/forward";
import type { Programs } from "../../../../../lib/node/programs";
import { readSurroundings } from "../../../../../lib/routes/kernel/surroundings";
import { markUserText } from "../../../../../lib/routes/conflicts/text";

const MANGLE =
  "*mangle\n:PREROUTING ACCEPT [0:0]\n:VPN - [0:0]\n-A VPN -j MARK --set-xmark 0x5/0xff\nCOMMIT\n";
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "surroundings-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const forward = {
  saved: async () => [
    { program: "iptables-nft", text: MANGLE },
    { program: "ip6tables-nft", text: MANGLE },
  ],
} as unknown as ForwardTable;
const withNft = (ruleset: string | undefined): Programs =>
  ({ has: () => ruleset !== undefined, run: async () => ruleset ?? "" }) as unknown as Programs;

test("marks and chains of iptables, tables of nft, names of tables that are not ours", async () => {
  writeFileSync(
    join(dir, "other.conf"),
    "# comment\n 700 lab-other # for the lab\n0x2bd hex\nnonsense\n",
  );
  writeFileSync(join(dir, "tenant-routing.conf"), "100 tenant-a\n");
  writeFileSync(join(dir, "ignored.txt"), "800 ignored\n");
  const nft = JSON.stringify({
    nftables: [{ metainfo: {} }, { table: { family: "inet", name: "kindnet", handle: 1 } }],
  });
  const found = await readSurroundings(withNft(nft), forward, dir);
  expect(found.chains).toEqual(["PREROUTING", "VPN"]);
  expect(found.markUses.map(({ by, mask, value }) => [markUserText(by), mask, value])).toEqual([
    ["iptables-nft mangle VPN", 0xff, 5],
    ["ip6tables-nft mangle VPN", 0xff, 5],
  ]);
  expect(found.nftTables).toEqual(["inet kindnet"]);
  expect(found.tableNames.filter(({ file }) => file.startsWith(dir))).toEqual([
    { number: 700, name: "lab-other", file: join(dir, "other.conf") },
    { number: 0x2bd, name: "hex", file: join(dir, "other.conf") },
  ]);
});

test("without nft, with an empty ruleset, without directories", async () => {
  expect((await readSurroundings(withNft(undefined), forward, undefined)).nftTables).toEqual([]);
  expect((await readSurroundings(withNft("\n"), forward, join(dir, "none"))).nftTables).toEqual([]);
});

test("what cannot be read is reported, and the rest is read", async () => {
  expect((await readSurroundings(withNft("table inet x"), forward, dir)).unseen).toEqual([
    "the output of nft -j list ruleset is not JSON",
  ]);
  const broken = {
    has: () => true,
    run: async () => {
      throw new CniError("io", "nft failed: JSON support not compiled-in");
    },
  } as unknown as Programs;
  const half = {
    saved: async () => [
      { program: "iptables-nft", problem: "iptables-nft-save failed" },
      { program: "ip6tables-nft", text: MANGLE },
    ],
  } as unknown as ForwardTable;
  const { unseen, markUses } = await readSurroundings(broken, half, dir);
  expect(unseen).toEqual(["iptables-nft-save failed", "nft failed: JSON support not compiled-in"]);
  expect(markUses.map(({ by }) => markUserText(by))).toEqual(["ip6tables-nft mangle VPN"]);
});
