/** Many attachments are put back at once: what is written, in how many transactions, and what stays. */
import { createNftablesBackend } from "../../../lib/marks/nftables/backend";
import { createGuard } from "../../../lib/marks/nftables/guard";
import { attachmentTag } from "../../../lib/marks/tag";
import type { InstalledMark, RestoreOrder, Restored } from "../../../lib/ports";
import { sh } from "../../helpers/shell";
import { nftIn } from "./nft-in";

const NETNS = `trr-${process.pid}`;
beforeEach(() => void sh("ip", "netns", "add", NETNS));
afterEach(() => void sh("ip", "netns", "del", NETNS));

const { nft, runner, asked } = nftIn(NETNS);
const locks = {
  hold: <T>(_names: unknown, _timeout: unknown, body: () => Promise<T>) => body(),
  sweep: async () => {},
};
const marks = createNftablesBackend({
  ...{ locks, lockTimeoutMs: 1000, runner: () => runner, mayHaveUsed: () => false },
}).open({});
const guard = createGuard(runner);

const order = (id: string, more: Partial<RestoreOrder> = {}): RestoreOrder => ({
  key: { network: "n", containerId: id, ifname: "eth0" },
  label: `team/${id}`,
  mark: { value: 0x10, mask: 0xff },
  addresses: ["10.0.0.5", "fd00::5"],
  markReplies: false,
  place: "nftables",
  ...more,
});
const tagOf = ({ key }: RestoreOrder): string => attachmentTag(key);

interface Layer {
  readonly table: string;
  restore(orders: readonly RestoreOrder[]): Promise<readonly Restored[]>;
  list(): Promise<readonly Pick<InstalledMark, "address" | "tag" | "mark">[]>;
  set(order: RestoreOrder): Promise<unknown>;
}
const LAYERS: readonly Layer[] = [
  {
    table: "inet tenant-routing-marks",
    restore: (orders) => marks.restore(orders),
    list: () => marks.list(),
    set: (each) => marks.install(each),
  },
  {
    table: "inet tenant-routing-guard",
    restore: (orders) => guard.restore(orders, { locks, lockTimeoutMs: 1000 }),
    list: async () => (await guard.list()).guarded,
    set: (each) => guard.set(each),
  },
];

describe.each(LAYERS)("$table", ({ table, restore, list, set }) => {
  const shown = async (): Promise<readonly string[]> =>
    (await list())
      .map(({ address, tag, mark }) => `${address} ${tag} ${mark?.value.toString(16) ?? "-"}`)
      .sort();
  const whole = (...orders: readonly RestoreOrder[]): readonly string[] =>
    orders
      .flatMap((each) =>
        each.addresses.map((a) => `${a} ${tagOf(each)} ${each.mark.value.toString(16)}`),
      )
      .sort();

  test("250 attachments take one listing and one transaction; a rerun changes nothing", async () => {
    const orders = Array.from({ length: 250 }, (_, n) =>
      order(`pod-${n}`, {
        addresses: [`10.1.${n >> 4}.${n & 15}`, `fd00:1::${(n + 1).toString(16)}`],
        mark: { value: n % 2 === 0 ? 0x10 : 0x20, mask: 0xff },
      }),
    );
    asked.splice(0);
    const done = await restore(orders);
    expect(asked.map(([first = ""]) => first.split(" ")[0])).toEqual(["list", "add"]);
    expect(done.map(({ tag, changed }) => [tag, changed])).toEqual(
      orders.map((each) => [tagOf(each), true]),
    );
    expect(await shown()).toEqual(whole(...orders));
    asked.splice(0);
    expect((await restore(orders)).filter(({ changed }) => changed)).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  test("another attachment's address, one that was deleted and a stranger's element are passed over, the rest is done", async () => {
    const holder = order("holder");
    await set(holder);
    nft([], [`add element ${table} pods4 { 10.0.0.9 : accept }`]);
    const gone = (): never => {
      throw new Error("deleted meanwhile");
    };
    const fine = order("fine", { addresses: ["10.0.0.6"] });
    const twin = order("twin", { addresses: ["10.0.0.6", "10.0.0.7"] });
    const passed = [
      order("late"),
      order("gone", { addresses: ["10.0.0.8"], confirm: gone }),
      order("odd", { addresses: ["10.0.0.9"] }),
    ];
    await expect(restore([...passed, fine, twin])).rejects.toThrow(/10\.0\.0\.9.*not ours/);
    expect(await shown()).toEqual(whole(holder, fine));
    expect((await restore([passed[0] as RestoreOrder, fine])).map(({ tag }) => tag)).toEqual([
      tagOf(fine),
    ]);
  });

  test("an attachment whose DEL comes in between is taken back", async () => {
    let asks = 0;
    const leaving = order("leaving", {
      confirm: () => {
        if (asks++ > 0) throw new Error("deleted meanwhile");
      },
    });
    const staying = order("staying", { addresses: ["10.0.0.6"] });
    expect((await restore([leaving, staying])).map(({ tag }) => tag)).toEqual([tagOf(staying)]);
    expect(await shown()).toEqual(whole(staying));
  });

  test("what is wrong is replaced, a broken chain is mended in place, and what is right keeps its counters", async () => {
    const [a, b] = [order("a"), order("b", { addresses: ["10.0.0.6"] })];
    await restore([a, b]);
    const moved = { ...a, mark: { value: 0x30, mask: 0xff }, addresses: ["10.0.0.7"] };
    expect((await restore([moved, b])).map(({ changed }) => changed)).toEqual([true, false]);
    expect(await shown()).toEqual(whole(moved, b));
    nft([], [`flush map ${table} pods4`]);
    expect((await restore([moved, b])).map(({ changed }) => changed)).toEqual([true, true]);
    expect(await shown()).toEqual(whole(moved, b));
    const hook = table.endsWith("guard") ? "forward" : "prerouting";
    for (const damage of [
      [`flush chain ${table} ${hook}`],
      [`flush chain ${table} ${hook}`, `delete chain ${table} ${hook}`],
      [`add table ${table} { flags dormant; }`],
    ]) {
      expect(nft([], damage)).toMatchObject({ ok: true });
      expect(await shown()).toEqual(whole(moved, b).map((line) => line.replace(/\S+$/, "-")));
      expect((await restore([moved, b])).map(({ changed }) => changed)).toEqual([true, true]);
      expect(await shown()).toEqual(whole(moved, b));
    }
  });
});
