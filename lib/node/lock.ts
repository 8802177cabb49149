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
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { CniError } from "../cni/error";
import type { Lock, Locks } from "../ports";

const QUEUE = "queue";
/** A ticket that is being chosen takes a few system calls; a process may be preempted in the middle (ms). */
const CHOOSING_PAUSE_MS = 1;
/** After this a socket that nobody listens on is not one that is just being made (ms). */
const STALE_MS = 60_000;

/** The locks below `dir`, which exists and belongs to us alone. Waiting does not block the event loop. */
export function createLocks(dir: string): Locks {
  return {
    hold: async (names, timeoutMs, body) => {
      const deadline = performance.now() + timeoutMs;
      const held: Place[] = [];
      const directory = openQueue(dir);
      try {
        // Always in the same order, so that no two wait for each other.
        for (const name of [...new Set(names)].sort())
          held.push(await acquire({ ...directory, name }, deadline, timeoutMs));
        return await body();
      } finally {
        for (const place of held) leave(place);
        closeSync(directory.fd);
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

interface Queue {
  /** Absolute path, and an open descriptor: a socket's path has at most 107 bytes, and that of a directory may have more. */
  readonly path: string;
  readonly fd: number;
}

interface Named extends Queue {
  readonly name: string;
}

/** Our place in the queue for one lock. */
interface Place extends Named {
  readonly server: Server;
  readonly visitors: Set<Socket>;
  readonly ticket: Ticket;
}

interface Ticket {
  readonly file: string;
  /** From 1; 0 while it is being chosen. */
  readonly number: number;
  /** `<pid>-<unique>`. */
  readonly id: string;
}

async function acquire(queue: Named, deadline: number, timeoutMs: number): Promise<Place> {
  const place = await usable(queue.path, () => enter(queue));
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

/** Makes the socket and takes a ticket. Once others can see a name, there is no pause until the ticket has a number. */
async function enter(queue: Named): Promise<Place> {
  const id = `${process.pid}-${process.hrtime.bigint()}${Math.random().toString(36).slice(2, 8)}`;
  const visitors = new Set<Socket>();
  const server = createServer((visitor) => {
    visitors.add(
      visitor
        .unref()
        .on("error", () => {})
        .on("close", () => visitors.delete(visitor)),
    );
  });
  // What holds a lock is a running body, never this socket: a process that has nothing left to do must end.
  server.unref();
  const made = `${queue.name}@-@${id}`;
  await new Promise<void>((resolve, reject) => {
    // Later errors are failures to accept: the kernel wakes whoever waits all the same.
    server.on("error", reject).listen(`/proc/self/fd/${queue.fd}/${made}`, resolve);
  });
  const at = (file: string): string => join(queue.path, file);
  const choosing = `${queue.name}@0@${id}`;
  try {
    renameSync(at(made), at(choosing));
    const number = 1 + Math.max(0, ...ticketsOf(queue).map((ticket) => ticket.number));
    const ticket = { file: `${queue.name}@${number}@${id}`, number, id };
    // A second name would need an inode more. Whoever reads the directory twice sees one of the two names.
    renameSync(at(choosing), at(ticket.file));
    return { ...queue, server, visitors, ticket };
  } catch (error) {
    server.close();
    for (const file of [made, choosing]) unlink(at(file));
    throw error;
  }
}

/** The last ticket before ours, one that is being chosen first of all; undefined when it is our turn. */
function ticketAhead({ ticket: own, ...queue }: Place): Ticket | undefined {
  // Twice: a name that is given while a directory is read may be missed, and was there when it is read again.
  const seen = [...ticketsOf(queue), ...ticketsOf(queue)].filter((ticket) => ticket.id !== own.id);
  const choosing = seen.find((ticket) => ticket.number === 0);
  return (
    choosing ??
    seen.filter((ticket) => isBefore(ticket, own)).sort((a, b) => (isBefore(a, b) ? 1 : -1))[0]
  );
}

function isBefore(a: Ticket, b: Ticket): boolean {
  return a.number < b.number || (a.number === b.number && a.id < b.id);
}

function ticketsOf({ path, name }: Named): readonly Ticket[] {
  return readdirSync(path)
    .filter((file) => file.startsWith(`${name}@`))
    .flatMap((file) => {
      const [number = "", id = ""] = file.slice(name.length + 1).split("@");
      return /^[0-9]+$/.test(number) ? [{ file, number: Number(number), id }] : [];
    });
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
    const socket = connect(`/proc/self/fd/${queue.fd}/${file}`);
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

function leave({ path, ticket, server, visitors }: Place): void {
  // First the name, so that whoever wakes up does not find it any more.
  unlink(join(path, ticket.file));
  server.close();
  for (const visitor of visitors) visitor.destroy();
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
    if (queue !== undefined) closeSync(queue.fd);
  }
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another process removed it, or the disk has become read-only: a dead socket is passed over either way.
  }
}

function openQueue(dir: string): Queue {
  const path = join(dir, QUEUE);
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) makeQueue(path);
    const stat = lstatSync(path);
    const ours = stat.uid === 0 || stat.uid === process.geteuid?.();
    if (!stat.isDirectory() || !ours || (stat.mode & 0o077) !== 0)
      throw new Error("it is not a directory of ours with mode 0700");
    return {
      path,
      fd: openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW),
    };
  } catch (error) {
    throw unusable(path, error);
  }
}

function makeQueue(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

async function usable<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw unusable(path, error);
  }
}

// Its connection is open, so it has neither left nor died: that much is certain, and no more.
function busy({ path, name }: Named, { id }: Ticket, timeoutMs: number): CniError {
  const pid = id.split("-")[0];
  return new CniError(
    "tryAgainLater",
    `the lock "${name}" in ${path} did not become free within ${timeoutMs} ms: process ${pid} was there first and has not left (see "ps ${pid}")`,
  );
}

function unusable(path: string, cause: unknown): CniError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new CniError(
    "journal",
    `the lock in ${path} cannot be used: ${code || message}; see "dataDir" in the conflist`,
    { cause },
  );
}
