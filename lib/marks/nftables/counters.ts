import type { Mark } from "../../net/mark";
import { MARKS } from "./layout";
import type { NftRunner } from "./runner";
import { createTable } from "./table";

/** Packets and bytes that were given each mark since the table was made. Throws CniError `rules`. */
export async function countMarked(
  runner: NftRunner,
): Promise<readonly { readonly mark: Mark; readonly packets: number; readonly bytes: number }[]> {
  if (!runner.has()) return [];
  const { counters } = await createTable(runner, MARKS).list();
  return [...counters].flatMap(([name, counted]) => {
    const [mark] = MARKS.chain(name)?.marks ?? [];
    return mark === undefined ? [] : [{ mark, ...counted }];
  });
}
