import { createTools, type Slot } from "../../../../../lib/marks/iptables/programs";
import { FakeExec, fakeHost, type Answer } from "../../../../helpers/fakes";

const V4: Slot = { variant: "nft", family: 4 };

test("the program is named by family and variant, with a bounded wait for the lock", async () => {
  const exec = new FakeExec("listing", "", "");
  const tools = createTools(exec, fakeHost(), { lockTimeoutMs: 2500 });
  expect(await tools.save({ variant: "legacy", family: 6 }, "mangle")).toBe("listing");
  await tools.save(V4, undefined);
  await tools.restore(V4, "*mangle\nCOMMIT\n");
  expect(exec.calls).toEqual([
    "/usr/sbin/ip6tables-legacy-save -t mangle",
    "/usr/sbin/iptables-nft-save",
    "/usr/sbin/iptables-nft-restore --noflush -w 3",
  ]);
  expect(exec.inputs).toEqual(["*mangle\nCOMMIT\n"]);
});

test("a wait below a second is one second: 0 would mean not to wait", async () => {
  const exec = new FakeExec("");
  await createTools(exec, fakeHost(), { lockTimeoutMs: 0 }).restore(V4, "x");
  expect(exec.calls).toEqual(["/usr/sbin/iptables-nft-restore --noflush -w 1"]);
});

test("a distribution with plain names only: used for the variant they link to", async () => {
  const exec = new FakeExec("");
  const tools = createTools(
    exec,
    fakeHost({ programs: ["iptables-save", "iptables-restore"], plain: "legacy" }),
    { lockTimeoutMs: 1000 },
  );
  await tools.save({ variant: "legacy", family: 4 }, "mangle");
  expect(exec.calls).toEqual(["/usr/sbin/iptables-save -t mangle"]);
  expect([tools.has({ variant: "legacy", family: 4 }), tools.has(V4)]).toEqual([true, false]);
});

test("a program that is not installed is named, with the remedy", async () => {
  const tools = createTools(new FakeExec(), fakeHost({ programs: [] }), { lockTimeoutMs: 1000 });
  await expect(tools.restore({ variant: "nft", family: 6 }, "x")).rejects.toMatchObject({
    code: 110,
    missingPackage: "iptables",
    message: expect.stringMatching(
      /^ip6tables-nft-restore is not installed in .*install the package iptables/,
    ),
  });
});

test("native nftables rules in the way of a change are no trouble to it", async () => {
  await createTools(
    new FakeExec({ stderr: "# Warning: iptables-legacy tables present" }),
    fakeHost(),
    { lockTimeoutMs: 1000 },
  ).restore(V4, "x");
});

test.each<[string, Answer, number, RegExp]>([
  [
    "a busy lock",
    {
      exitCode: 4,
      stderr: "Another app is currently holding the xtables lock. Stopped waiting after 3s.",
    },
    11,
    /xtables lock in time.*Stopped waiting/,
  ],
  [
    "busy for a moment",
    { exitCode: 4, stderr: "RULE_APPEND failed (Resource temporarily unavailable)" },
    11,
    /temporarily unavailable/,
  ],
  [
    "a hang",
    { exitCode: null, signal: "SIGKILL", timedOut: true },
    11,
    /did not finish within 7500 ms.*xtables\.lock/,
  ],
  [
    "no right",
    {
      exitCode: 4,
      stderr: "Could not fetch rule set generation id: Permission denied (you must be root)",
    },
    110,
    /run as root with CAP_NET_ADMIN/,
  ],
  [
    "no module",
    {
      exitCode: 3,
      stderr:
        "can't initialize iptables table `mangle': Table does not exist (do you need to insmod?)",
    },
    110,
    /load the kernel modules/,
  ],
  [
    "cannot start",
    { exitCode: null, spawnError: "ENOEXEC" },
    110,
    /failed \(ENOEXEC\): it said nothing/,
  ],
  ["killed", { exitCode: null, signal: "SIGSEGV" }, 110, /failed \(SIGSEGV\)/],
  [
    "too much",
    { exitCode: null, signal: "SIGKILL", overflow: true },
    110,
    /67108864 bytes of output/,
  ],
  [
    "control characters and length",
    { exitCode: 1, stderr: `\u001b[31mred\r\n${"y".repeat(5000)}` },
    110,
    /: y{1000}$/,
  ],
  [
    "native rules in the table",
    "# Table `mangle' is incompatible, use 'nft' tool.\n",
    110,
    /nft list table ip mangle.*table of its own/,
  ],
])("a program that fails: %s", async (_name, answer, code, message) => {
  const tools = createTools(new FakeExec(answer), fakeHost(), { lockTimeoutMs: 2500 });
  await expect(tools.save(V4, "mangle")).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
});

test("what changes rules carries the caller's variables, never in the place of our own; a listing carries none", async () => {
  const exec = new FakeExec("", "");
  const tools = createTools(exec, fakeHost(), {
    lockTimeoutMs: 1000,
    cniEnv: { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1", PATH: "/nowhere" },
  });
  await tools.restore(V4, "x");
  await tools.save(V4, undefined);
  const own = { PATH: expect.stringContaining("/usr/sbin"), LC_ALL: "C" };
  expect(exec.requests.map(({ env }) => env)).toEqual([
    { ...own, CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1" },
    own,
  ]);
});
