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
  closeSync,
  existsSync,
  renameSync,
  unlinkSync,
} from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { CniError } from "../cni/error";

const QUEUE = "queue";

export interface Queue {
  /** Absolute path. */
  readonly path: string;
  /** A path of that file for a socket: one has at most 107 bytes, and that of a directory may have more. */
  readonly socketPath: (file: string) => string;
  readonly close: () => void;
}

/** Our place in the queues for some locks: one socket with a name for each. */
export interface Place {
  readonly path: string;
  readonly post: Post;
  readonly tickets: readonly Ticket[];
}

/** A socket on which we listen: whoever is connected to it waits for us. */
export interface Post {
  /** Its first name in the queue. */
  readonly file: string;
  /** Lets all who wait look again. */
  readonly release: () => void;
}

/** Makes the socket for a place, or has one. `isOwn`: its first name becomes one of the tickets. */
export interface PostOffice {
  readonly isOwn: boolean;
  readonly open: (queue: Queue, id: string) => Post | Promise<Post>;
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

/** A socket for each place, which goes with it. */
export const OWN_POST: PostOffice = {
  isOwn: true,
  open: async (queue, id) => {
    const { file, server, visitors } = await listenOn(queue, `@-@${id}`);
    return {
      file,
      release: () => {
        server.close();
        for (const visitor of visitors) visitor.destroy();
      },
    };
  },
};

/** How long somebody is kept who has come when the place that he waits for may have been given up already (ms). */
const VISIT_MS = 50;

export interface StandingPosts extends PostOffice {
  /** Removes what is left of them in the queues, when no place is held any more. */
  close(): void;
}

/**
 * One socket for all places of a process that stays: to take a place then costs a few names, and no socket. Whose
 * place somebody waits for is not known, so all look again whenever one is given up, and after a while.
 */
export function createStandingPosts(): StandingPosts {
  /** By queue. */
  const standing = new Map<string, Post>();
  const opening = new Map<string, Promise<Post>>();
  const close = (): void => {
    for (const [path, { file }] of standing) unlink(join(path, file));
  };
  const open = async (queue: Queue, id: string): Promise<Post> => {
    const { file, server, visitors } = await listenOn(queue, `@-@${id}`);
    server.on("connection", (visitor) => {
      setTimeout(() => visitor.destroy(), VISIT_MS).unref();
    });
    const post = {
      file,
      release: () => {
        for (const visitor of visitors) visitor.destroy();
      },
    };
    standing.set(queue.path, post);
    return post;
  };
  return {
    isOwn: false,
    open: (queue, id) => {
      const post = standing.get(queue.path);
      // Somebody may have removed it, or the whole directory; those who wait at an old one are let go all the same.
      if (post !== undefined && existsSync(join(queue.path, post.file))) return post;
      const under = opening.get(queue.path) ?? open(queue, id);
      opening.set(queue.path, under);
      return under.finally(() => opening.delete(queue.path));
    },
    close,
  };
}

interface Listening {
  readonly file: string;
  readonly server: Server;
  readonly visitors: Set<Socket>;
}

async function listenOn(queue: Queue, file: string): Promise<Listening> {
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
  await new Promise<void>((resolve, reject) => {
    // Later errors are failures to accept: the kernel wakes whoever waits all the same.
    server.on("error", reject).listen(queue.socketPath(file), resolve);
  });
  return { file, server, visitors };
}

/** Takes a ticket for each lock. Once others can see a name, there is no pause until all have numbers. */
export async function enter(
  queue: Queue,
  names: readonly string[],
  office: PostOffice,
): Promise<Place> {
  const { path } = queue;
  const id = `${process.pid}-${process.hrtime.bigint()}${Math.random().toString(36).slice(2, 8)}`;
  const post = await office.open(queue, id);
  const at = (file: string): string => join(path, file);
  const choosing = names.map((name) => `${name}@0@${id}`);
  try {
    giveNames(at(post.file), choosing.map(at), office.isOwn);
    const tickets = nextTickets(path, names, id);
    // A second name would need an inode more. Whoever reads the directory twice sees one of the two names.
    for (const { name, file } of tickets) renameSync(at(`${name}@0@${id}`), at(file));
    return { path, post, tickets };
  } catch (error) {
    post.release();
    for (const { id: whose, file } of allTickets(path)) if (whose === id) unlink(at(file));
    for (const file of choosing) unlink(at(file));
    if (office.isOwn) unlink(at(post.file));
    throw error;
  }
}

/** Further names of a socket; with `isOwn`, the last of them takes the place of its first: another would need an inode more. */
function giveNames(socket: string, names: readonly string[], isOwn: boolean): void {
  const [last = "", ...others] = isOwn ? names.toReversed() : ["", ...names];
  for (const name of others) linkSync(socket, name);
  if (isOwn) renameSync(socket, last);
}

function nextTickets(path: string, names: readonly string[], id: string): readonly Ticket[] {
  const highest = new Map<string, number>();
  for (const { name, number } of allTickets(path))
    highest.set(name, Math.max(number, highest.get(name) ?? 0));
  return names.map((name) => {
    const number = 1 + (highest.get(name) ?? 0);
    return { name, file: `${name}@${number}@${id}`, number, id };
  });
}

/** The last ticket before one of ours, one that is being chosen first of all; undefined when it is our turn everywhere. */
export function ticketAhead({ tickets, path }: Place): Ticket | undefined {
  const own = new Map(tickets.map((ticket) => [ticket.name, ticket]));
  // Twice: a name that is given while a directory is read may be missed, and was there when it is read again.
  const ahead = [...allTickets(path), ...allTickets(path)].filter((ticket) => {
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

function allTickets(path: string): readonly Ticket[] {
  const tickets: Ticket[] = [];
  for (const file of readdirSync(path)) {
    const [name = "", number = "", id = ""] = file.split("@");
    if (/^[0-9]+$/.test(number)) tickets.push({ name, file, number: Number(number), id });
  }
  return tickets;
}

/** Gives the place up. */
export function leave({ path, tickets, post }: Place): void {
  // First the names, so that whoever wakes up does not find them any more.
  for (const { file } of tickets) unlink(join(path, file));
  post.release();
}

/** Removes a name. Never fails. */
export function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another process removed it, or the disk has become read-only: a dead socket is passed over either way.
  }
}

/** The queues of the locks in `dir`, made if need be; to be closed. Throws CniError `journal` when they are not safe. */
export function openQueue(dir: string): Queue {
  const path = join(dir, QUEUE);
  let fd: number | undefined;
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  try {
    let stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) makeQueue(path);
    stat ??= lstatSync(path);
    const ours = stat.uid === 0 || stat.uid === process.geteuid?.();
    if (!stat.isDirectory() || !ours || (stat.mode & 0o077) !== 0)
      throw new Error("it is not a directory of ours with mode 0700");
  } catch (error) {
    throw unusable(path, error);
  }
  return {
    path,
    socketPath: (file) => `/proc/self/fd/${(fd ??= openSync(path, flags))}/${file}`,
    close: () => {
      if (fd !== undefined) closeSync(fd);
    },
  };
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
