/** Carries a plan out: records that change first, then the marks of all attachments at once. */
import { labelOf } from "../attachment/facts";
import { ERRORS, toCniError, type CniError } from "../cni/error";
import type { Clock, RestoreOrder, Restored } from "../ports";
import type { Plan, Restoring, Rewriting, SeenRecord } from "./plan";
import type { Layer, Target } from "./ports";
import { confirmUnchanged, rewriteRecords, withPlace } from "./records";

/** After this, what could not be restored is left to the next look (ms). */
const PATIENCE_MS = 10_000;

export interface CarriedOut {
  readonly changed: readonly Rewriting[];
  readonly cleared: readonly Rewriting[];
  /** Those whose marks are in the place now where they belong. */
  readonly moved: readonly Moved[];
  /** Those whose marks were really different under the locks, without those. */
  readonly repaired: readonly Restoring[];
  readonly failures: readonly CniError[];
}

export interface Moved extends SeenRecord {
  readonly place: string;
}

/**
 * Never throws; what fails is left to the next look. A record changes before its marks: if we die in
 * between, the next look finds the marks wrong. Where no mark is to be left it changes after them, because
 * the DEL of a record without a mark looks for none.
 */
export async function carryOut(target: Target, plan: Plan, clock: Clock): Promise<CarriedOut> {
  const failures: CniError[] = [];
  const attempt = async <T>(body: () => Promise<readonly T[]>): Promise<readonly T[]> => {
    try {
      return await body();
    } catch (thrown) {
      failures.push(toCniError(thrown));
      return [];
    }
  };
  const cleared = await attempt(() =>
    rewriteRecords(target, plan.clears, (unchanged) => removeMarks(target, unchanged)),
  );
  const changed = await attempt(() => rewriteRecords(target, plan.changes));
  const moving = await attempt(() => rewriteRecords(target, plan.moves));
  const isWanted = recordsAsPlanned(plan, [...changed, ...moving]);
  const repaired: Restoring[] = [];
  const moved: Moved[] = [];
  for (const layer of target.layers) {
    const restores = plan.restores.filter((each) => each.layer === layer.name && isWanted(each));
    const done = await attempt(async () => {
      const outcome = await restoreIn(target, layer, restores, clock);
      failures.push(...outcome.failures);
      return outcome.done;
    });
    const places = new Map(
      done.filter((each) => each.changed).map(({ tag, place }) => [tag, place]),
    );
    for (const restoring of restores) {
      const place = places.get(restoring.tag);
      if (place === undefined) continue;
      if (restoring.isMove) moved.push({ ...restoring, place });
      else repaired.push(restoring);
    }
    if (layer.name === "marks") await attempt(() => rememberPlaces(target, restores, done));
  }
  return { changed, cleared, moved, repaired, failures };
}

// One whose record could not be rewritten stays as it is until the next look.
function recordsAsPlanned(
  plan: Plan,
  rewritten: readonly Rewriting[],
): (restoring: Restoring) => boolean {
  const made = new Set(rewritten.map(({ tag }) => tag));
  const planned = [...plan.changes, ...plan.moves];
  const unmade = new Set(planned.map(({ tag }) => tag).filter((tag) => !made.has(tag)));
  return ({ tag }) => !unmade.has(tag);
}

// The guard first: without the mark it would stop what is allowed now.
async function removeMarks(
  { layers }: Target,
  attachments: readonly Pick<Rewriting, "tag">[],
): Promise<void> {
  const tags = attachments.map(({ tag }) => tag);
  for (const { marks } of [...layers].reverse()) await marks.remove(tags);
}

async function restoreIn(
  target: Target,
  { name, marks }: Layer,
  restores: readonly Restoring[],
  clock: Clock,
): Promise<Outcome> {
  const unmarked = restores.filter(({ attachment }) => attachment.mark === undefined);
  const tags = unmarked.map(({ tag }) => tag);
  if (tags.length > 0) await marks.remove(tags);
  const orders = restores.flatMap((each) => orderFor(target, each, name));
  const deadline = clock.elapsed() + PATIENCE_MS;
  const { done, failures } = await restoreApart(marks, orders, () => clock.elapsed() < deadline);
  const removed = tags.map((tag) => ({ tag, place: "", changed: true }));
  return { done: [...removed, ...done], failures };
}

function orderFor(
  target: Target,
  { tag, attachment }: Restoring,
  layer: Layer["name"],
): readonly RestoreOrder[] {
  const { key, mark, addresses, markReplies = false, pod, backend } = attachment;
  if (mark === undefined) return [];
  const label = labelOf(pod);
  const place = layer === "marks" ? backend : undefined;
  const confirm = (): void => confirmUnchanged(target, { tag, attachment });
  return [{ key, label, mark, addresses, markReplies, place, confirm }];
}

interface Outcome {
  readonly done: readonly Restored[];
  readonly failures: readonly CniError[];
}

/**
 * All at once; where a lock stays busy, the halves one after the other, so that one address that somebody
 * holds does not keep all others from being repaired.
 */
async function restoreApart(
  marks: Layer["marks"],
  orders: readonly RestoreOrder[],
  mayGoOn: () => boolean,
): Promise<Outcome> {
  if (orders.length === 0) return { done: [], failures: [] };
  try {
    return { done: await marks.restore(orders), failures: [] };
  } catch (thrown) {
    const error = toCniError(thrown);
    if (error.code !== ERRORS.tryAgainLater.code || orders.length === 1 || !mayGoOn())
      return { done: [], failures: [error] };
    const middle = Math.ceil(orders.length / 2);
    const one = await restoreApart(marks, orders.slice(0, middle), mayGoOn);
    const other = await restoreApart(marks, orders.slice(middle), mayGoOn);
    return {
      done: [...one.done, ...other.done],
      failures: [...one.failures, ...other.failures],
    };
  }
}

// Of an attachment that had no mark before, or whose marks are in a place that only another version knows.
async function rememberPlaces(
  target: Target,
  restores: readonly Restoring[],
  done: readonly Restored[],
): Promise<readonly never[]> {
  const places = new Map(done.map(({ tag, place }) => [tag, place]));
  await rewriteRecords(
    target,
    restores.flatMap((each) => {
      const place = places.get(each.tag);
      const isNew = each.attachment.mark !== undefined && place !== each.attachment.backend;
      return place === undefined || !isNew
        ? []
        : [{ ...each, next: withPlace(each.attachment, place) }];
    }),
  );
  return [];
}
