/** Whose addresses are seen on a node: those of processes' namespaces and of named ones. */
import * as fs from "node:fs";
import { addressesInUse } from "../../../../../lib/checks/marks/addresses";

// What is asked for is in /proc and /run of the machine: here it is a tree in memory.
jest.mock("node:fs", () => ({
  ...jest.requireActual<typeof fs>("node:fs"),
  readdirSync: jest.fn(),
  readFileSync: jest.fn(),
  readlinkSync: jest.fn(),
  statSync: jest.fn(),
}));

/** A directory's names, a file's text, where a link leads, or a namespace's inode, by path. */
type Tree = Readonly<Record<string, readonly string[] | string | number>>;

const FIRST = "pid:[4026531836]";
const trie = (...addresses: readonly string[]): string =>
  addresses.map((address) => `     |-- ${address}\n        /32 host LOCAL\n`).join("");
const SIX = "fd000088000000000000000000000002 02 40 00 80     eth0\n";

let read: string[];
beforeEach(() => {
  read = [];
});

function grow(tree: Tree): void {
  const at = (path: unknown): Tree[string] => {
    const found = tree[String(path)];
    if (found === undefined) throw new Error(`ENOENT: ${String(path)}`);
    return found;
  };
  jest.mocked(fs.readlinkSync).mockImplementation((path) => at(path) as never);
  jest.mocked(fs.readdirSync).mockImplementation((path) => at(path) as never);
  jest.mocked(fs.statSync).mockImplementation((path) => ({ ino: at(path) }) as never);
  jest.mocked(fs.readFileSync).mockImplementation((path) => {
    read.push(String(path));
    return at(path) as never;
  });
}

/** What `ip -n NAME -o addr show` prints, by name. */
const ip = (printed: Readonly<Record<string, string>> = {}) => ({
  try: async (program: string, args: readonly string[]) => {
    const [, name = ""] = args;
    expect([program, ...args]).toEqual(["ip", "-n", name, "-o", "addr", "show"]);
    const stdout = printed[name];
    return stdout === undefined
      ? { ok: false, stdout: "", said: "no such namespace" }
      : { ok: true, stdout, said: "" };
  },
});

const NODE: Tree = {
  "/proc/self/ns/pid": FIRST,
  "/proc": ["1", "20", "300", "self", "net", "4x"],
  "/proc/1/ns/net": 100,
  "/proc/1/net/fib_trie": trie("10.0.0.1", "127.0.0.1"),
  "/proc/1/net/if_inet6": SIX,
  "/proc/20/ns/net": 100,
  "/proc/300/ns/net": 101,
  "/proc/300/net/fib_trie": trie("10.0.0.5"),
  "/proc/300/net/if_inet6": "",
};

test("in a container nothing is said, since other pods' namespaces cannot be seen", async () => {
  grow({ ...NODE, "/proc/self/ns/pid": "pid:[4026532000]" });
  expect(await addressesInUse(ip())).toBeUndefined();
  expect(read).toEqual([]);
});

test("each namespace of a process is read once, in both families", async () => {
  grow(NODE);
  expect(await addressesInUse(ip())).toEqual(
    new Set(["10.0.0.1", "127.0.0.1", "fd00:88::2", "10.0.0.5"]),
  );
  expect(read.filter((path) => path.startsWith("/proc/20/"))).toEqual([]);
});

test("a namespace in which no process runs is asked through its name, the others are not", async () => {
  grow({
    ...NODE,
    "/run/netns": ["of-300", "idle"],
    "/run/netns/of-300": 101,
    "/run/netns/idle": 102,
  });
  const idle =
    "2: eth0    inet 10.0.0.7/24 brd 10.0.0.255 scope global eth0\\ valid_lft forever\n" +
    "2: eth0    inet6 fd00:0:0::7/64 scope global \\ valid_lft forever\n";
  const found = await addressesInUse(ip({ idle, "of-300": "2: eth0    inet 10.0.0.99/24\n" }));
  expect(found).toEqual(
    new Set(["10.0.0.1", "127.0.0.1", "fd00:88::2", "10.0.0.5", "10.0.0.7", "fd00::7"]),
  );
});

test("processes and namespaces that go meanwhile are left out", async () => {
  const { "/proc/300/ns/net": _, ...gone } = NODE;
  grow({ ...gone, "/run/netns": ["going", "gone"], "/run/netns/going": 103 });
  expect(await addressesInUse(ip())).toEqual(new Set(["10.0.0.1", "127.0.0.1", "fd00:88::2"]));
  const { "/proc/300/net/fib_trie": _trie, "/proc/1/net/if_inet6": _six, ...torn } = NODE;
  grow(torn);
  expect(await addressesInUse(ip())).toEqual(new Set(["10.0.0.1", "127.0.0.1"]));
});
