/**
 * Places in the queues of locks (see lock.ts): sockets, and the tickets that are their names.
 */
import {
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { CniError } from "../cni/error";

const QUEUE = "queue";

export interface Queue {
  /** Absolute path, and an open descriptor: a socket's path has at most 107 bytes, and that of a directory may have more. */
  readonly path: string;
  readonly fd: number;
}

/** Our place in the queues for some locks: one socket with a name for each. */
export interface Place extends Queue {
  readonly server: Server;
  readonly visitors: Set<Socket>;
  readonly tickets: readonly Ticket[];
}

export interface Ticket {
  /** The lock. */
  readonly name: string;
  readonly file: string;
  /** From 1; 0 while it is being chosen. */
  readonly number: number;
  /** `<pid>-<unique>`. */
  readonly id: string;
}

/** Makes the socket and takes a ticket for each lock. Once others can see a name, there is no pause until all have numbers. */
export async function enter(queue: Queue, names: readonly string[]): Promise<Place> {
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
  const made = `${names[0] ?? ""}@-@${id}`;
  await new Promise<void>((resolve, reject) => {
    // Later errors are failures to accept: the kernel wakes whoever waits all the same.
    server.on("error", reject).listen(`/proc/self/fd/${queue.fd}/${made}`, resolve);
  });
  const at = (file: string): string => join(queue.path, file);
  const choosing = names.map((name) => `${name}@0@${id}`);
  try {
    // The last one takes the name: another would need an inode more.
    for (const file of choosing.slice(0, -1)) linkSync(at(made), at(file));
    renameSync(at(made), at(choosing[choosing.length - 1] ?? ""));
    const tickets = nextTickets(queue, names, id);
    // A second name would need an inode more. Whoever reads the directory twice sees one of the two names.
    for (const { name, file } of tickets) renameSync(at(`${name}@0@${id}`), at(file));
    return { ...queue, server, visitors, tickets };
  } catch (error) {
    server.close();
    for (const { id: whose, file } of allTickets(queue)) if (whose === id) unlink(at(file));
    for (const file of [made, ...choosing]) unlink(at(file));
    throw error;
  }
}

function nextTickets(queue: Queue, names: readonly string[], id: string): readonly Ticket[] {
  const highest = new Map<string, number>();
  for (const { name, number } of allTickets(queue))
    highest.set(name, Math.max(number, highest.get(name) ?? 0));
  return names.map((name) => {
    const number = 1 + (highest.get(name) ?? 0);
    return { name, file: `${name}@${number}@${id}`, number, id };
  });
}

/** The last ticket before one of ours, one that is being chosen first of all; undefined when it is our turn everywhere. */
export function ticketAhead({ tickets, ...queue }: Place): Ticket | undefined {
  const own = new Map(tickets.map((ticket) => [ticket.name, ticket]));
  // Twice: a name that is given while a directory is read may be missed, and was there when it is read again.
  const ahead = [...allTickets(queue), ...allTickets(queue)].filter((ticket) => {
    const ours = own.get(ticket.name);
    return ours !== undefined && ticket.id !== ours.id && isBefore(ticket, ours);
  });
  return (
    ahead.find(({ number }) => number === 0) ?? ahead.sort((a, b) => (isBefore(a, b) ? 1 : -1))[0]
  );
}

function isBefore(a: Ticket, b: Ticket): boolean {
  return a.number < b.number || (a.number === b.number && a.id < b.id);
}

function allTickets({ path }: Pick<Queue, "path">): readonly Ticket[] {
  return readdirSync(path).flatMap((file) => {
    const [name = "", number = "", id = ""] = file.split("@");
    return /^[0-9]+$/.test(number) ? [{ name, file, number: Number(number), id }] : [];
  });
}

/** Gives the place up. */
export function leave({ path, tickets, server, visitors }: Place): void {
  // First the names, so that whoever wakes up does not find them any more.
  for (const { file } of tickets) unlink(join(path, file));
  server.close();
  for (const visitor of visitors) visitor.destroy();
}

/** Removes a name. Never fails. */
export function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another process removed it, or the disk has become read-only: a dead socket is passed over either way.
  }
}

/** The queues of the locks in `dir`, made if need be. Throws CniError `journal` when they are not safe. */
export function openQueue(dir: string): Queue {
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

/** Throws CniError `journal` for whatever `body` throws. */
export async function usable<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): CniError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new CniError(
    "journal",
    `the lock in ${path} cannot be used: ${code || message}; see "dataDir" in the conflist`,
    { cause },
  );
}
