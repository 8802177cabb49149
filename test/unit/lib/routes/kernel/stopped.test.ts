import type { NftAnswer, NftRunner } from "../../../../../lib/marks/nftables/runner";
import { countStopped } from "../../../../../lib/routes/kernel/stopped";

const answers = (answer: Partial<NftAnswer>, has = true): NftRunner =>
  ({
    has: () => has,
    run: async (commands: readonly string[]) => {
      expect(commands).toEqual(["list counters table inet tenant-routing"]);
      return { ok: true, stdout: "", said: "", ...answer };
    },
  }) as unknown as NftRunner;

test("the counters of our table, by mark; others' are none of ours", async () => {
  const counter = (name: string, packets: number) =>
    `\tcounter ${name} {\n\t\tpackets ${packets} bytes ${packets * 60}\n\t}\n`;
  const stdout = `table inet tenant-routing {\n${counter("stopped_10_ff", 3)}${counter("other", 9)}}\n`;
  expect(await countStopped(answers({ stdout }))).toEqual([
    { reason: "default_route", mark: { value: 0x10, mask: 0xff }, packets: 3, bytes: 180 },
  ]);
});

test("no table and no nft: nothing was dropped; an nft that fails is an error", async () => {
  const failed = (said: string) => answers({ ok: false, said });
  expect(await countStopped(failed("Error: No such file or directory"))).toEqual([]);
  expect(await countStopped(answers({}, false))).toEqual([]);
  await expect(countStopped(failed("Error: Out of memory"))).rejects.toMatchObject({ code: 110 });
});
