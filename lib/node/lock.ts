/**
 * Mutual exclusion between wrapper processes: first come, first served, without polling, and released by
 * the kernel when a process dies, kill -9 included.
 *
 * A process that wants a lock listens on a Unix socket in the directory `queue` and takes a ticket: a
 * name of that socket with a number above all that it sees (Lamport's bakery). Whoever has the lowest
 * ticket holds the lock. The others connect to the socket of the ticket just before theirs; the kernel
 * ends that connection when its owner releases the lock or dies, and nobody else wakes up. Tickets are
 * unique names, so one of a dead process can be removed without hitting anybody else's. Why no file
 * lock: decision 0001.
 */
import { lstatSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { CniError } from "../cni/error";
import type { Lock, Locks } from "../ports";
import {
  enter,
  leave,
  openQueue,
  OWN_POST,
  ticketAhead,
  unlink,
  usable,
  type Place,
  type PostOffice,
  type Queue,
  type Ticket,
} from "./lock-queue";

/** A ticket that is being chosen takes a few system calls; a process may be preempted in the middle (ms). */
const CHOOSING_PAUSE_MS = 1;
/** After this a socket that nobody listens on is not one that is just being made (ms). */
const STALE_MS = 60_000;

/**
 * The locks below `dir`, which exists and belongs to us alone. Waiting does not block the event loop. `office`: where
 * those behind us wait; a process that stays has one place for all of its locks in `dir`.
 */
export function createLocks(dir: string, office: PostOffice = OWN_POST): Locks {
  return {
    hold: async (names, timeoutMs, body) => {
      const deadline = performance.now() + timeoutMs;
      const held: Place[] = [];
      const queue = openQueue(dir);
      const sorted = [...new Set(names)].sort();
      try {
        const all = sorted.length > 1 ? await allAtOnce(queue, sorted, office) : undefined;
        if (all !== undefined) held.push(all);
        // Always in the same order, so that no two wait for each other.
        else
          for (const name of sorted)
            held.push(await acquire(queue, name, { deadline, timeoutMs, office }));
        return await body();
      } finally {
        for (const place of held) leave(place);
        queue.close();
      }
    },
    sweep: () => sweep(dir),
  };
}

/** One lock for everything in `dir`. */
export function createLock(dir: string): Lock {
  const locks = createLocks(dir);
  return { hold: (timeoutMs, body) => locks.hold(["lock"], timeoutMs, body) };
}

/**
 * Runs the body as the only one of its kind, under the lock that `hold` takes. Throws CniError `tryAgainLater`
 * with the text `taken` when the lock cannot be had; what the body throws is passed on.
 */
export async function asOnlyOne<T>(
  hold: (body: () => Promise<T>) => Promise<T>,
  body: () => Promise<T>,
  taken: string,
): Promise<T> {
  let started = false;
  try {
    return await hold(() => {
      started = true;
      return body();
    });
  } catch (thrown) {
    if (started) throw thrown;
    throw new CniError("tryAgainLater", taken, { cause: thrown });
  }
}

/** All of them, when nobody is before us anywhere; otherwise none: who holds some of them must not wait for others. */
async function allAtOnce(
  queue: Queue,
  names: readonly string[],
  office: PostOffice,
): Promise<Place | undefined> {
  const place = await usable(queue.path, () => enter(queue, names, office));
  try {
    if (ticketAhead(place) === undefined) return place;
  } catch (error) {
    leave(place);
    throw error;
  }
  leave(place);
  return undefined;
}

interface Acquiring {
  /** By performance.now(). */
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly office: PostOffice;
}

async function acquire(
  queue: Queue,
  name: string,
  { deadline, timeoutMs, office }: Acquiring,
): Promise<Place> {
  const place = await usable(queue.path, () => enter(queue, [name], office));
  try {
    for (let ahead = ticketAhead(place); ahead !== undefined; ahead = ticketAhead(place)) {
      await passed(queue, ahead, deadline);
      if (performance.now() >= deadline && ticketAhead(place) !== undefined)
        throw busy(queue, ahead, timeoutMs);
    }
    return place;
  } catch (error) {
    leave(place);
    throw error;
  }
}

/** Resolves when that ticket's owner has left or died, when its ticket has been chosen, or at the deadline. */
async function passed(queue: Queue, ticket: Ticket, deadline: number): Promise<void> {
  const pause = ticket.number === 0 ? CHOOSING_PAUSE_MS : deadline - performance.now();
  if ((await connectionEnds(queue, ticket.file, Math.max(0, pause))) === "refused")
    unlink(join(queue.path, ticket.file));
}

/** `refused`: the socket is there and nobody listens, so its owner is dead. */
function connectionEnds(
  queue: Queue,
  file: string,
  timeoutMs: number,
): Promise<"refused" | "ended" | "open"> {
  return new Promise((resolve) => {
    const socket = connect(queue.socketPath(file));
    let timer: NodeJS.Timeout | undefined;
    const done = (outcome: "refused" | "ended" | "open"): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    // Not before: whether anybody listens is known at once, and even a wait of no time has to learn it.
    socket.on("connect", () => {
      timer = setTimeout(() => done("open"), timeoutMs);
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      done(error.code === "ECONNREFUSED" ? "refused" : "ended"),
    );
    socket
      .on("end", () => done("ended"))
      .on("close", () => done("ended"))
      .resume();
  });
}

/** Removes what killed processes left in the queues of locks that nobody has wanted since. Never fails. */
async function sweep(dir: string): Promise<void> {
  let queue: Queue | undefined;
  try {
    queue = openQueue(dir);
    for (const file of readdirSync(queue.path)) {
      const { mtimeMs = Number.NaN } =
        lstatSync(join(queue.path, file), { throwIfNoEntry: false }) ?? {};
      if (Date.now() - mtimeMs < STALE_MS || Number.isNaN(mtimeMs)) continue;
      if ((await connectionEnds(queue, file, 0)) === "refused") unlink(join(queue.path, file));
    }
  } catch {
    // Whoever takes a lock gets the error of the directory.
  } finally {
    queue?.close();
  }
}

// Its connection is open, so it has neither left nor died: that much is certain, and no more.
function busy({ path }: Queue, { name, id }: Ticket, timeoutMs: number): CniError {
  const pid = id.split("-")[0];
  return new CniError(
    "tryAgainLater",
    `the lock "${name}" in ${path} did not become free within ${timeoutMs} ms: process ${pid} was there first and has not left (see "ps ${pid}")`,
  );
}
