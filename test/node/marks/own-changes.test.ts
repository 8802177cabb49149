/** What nft monitor shows of our own transactions and of others', with a real nft in a network namespace. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorFirewall } from "../../../lib/reconcile/monitor";
import { createOwnLines } from "../../../lib/reconcile/own-changes";
import { createIptablesBackend } from "../../../lib/marks/iptables/backend";
import { createNftablesBackend } from "../../../lib/marks/nftables/backend";
import { createGuard } from "../../../lib/marks/nftables/guard";
import { createKnown } from "../../../lib/marks/nftables/known";
import { createNftRunner } from "../../../lib/marks/nftables/runner";
import { attachmentTag } from "../../../lib/marks/tag";
import { withGuard } from "../../../lib/marks/with-guard";
import type { MarkBackend, MarkOrder } from "../../../lib/ports";
import { systemClock } from "../../../lib/node/clock";
import { createExec } from "../../../lib/node/exec";
import { localHost, type Host } from "../../../lib/node/host";
import { startStream, startTalk } from "../../../lib/node/stream";
import { sh, until } from "../../helpers/shell";

const NETNS = `tro-${process.pid}`;
const dir = mkdtempSync(join(tmpdir(), "own-changes-"));
const locks = {
  hold: <T>(_names: unknown, _timeout: unknown, body: () => Promise<T>) => body(),
  sweep: async () => {},
};

/** Programs of the namespace, under paths of their own. */
const host: Host = {
  ...localHost,
  find: (name) => {
    const path = localHost.find(name);
    if (path === undefined || !/nft|tables/.test(name)) return path;
    const inside = join(dir, name);
    writeFileSync(inside, `#!/bin/sh\nexec ip netns exec ${NETNS} ${path} "$@"\n`, { mode: 0o755 });
    return inside;
  },
};
const inside = (...command: string[]): string => sh("ip", "netns", "exec", NETNS, ...command);

beforeEach(() => void sh("ip", "netns", "add", NETNS));
afterEach(() => void sh("ip", "netns", "del", NETNS));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const exec = createExec();
const own = createOwnLines(systemClock);
const known = createKnown();
const runner = createNftRunner({ exec, host, startTalk, timeoutMs: 60_000, known, own });
afterEach(() => runner.stop());

const nftables = createNftablesBackend({
  ...{ locks, lockTimeoutMs: 1000, runner: () => runner, mayHaveUsed: () => false },
});
const iptables = (): MarkBackend =>
  createIptablesBackend({
    ...{ exec, locks, lockTimeoutMs: 1000, configured: "nft", host, own },
    ...{ dataDir: dir, log: { write: () => {} } },
  });
const guarded = (backend: MarkBackend): MarkBackend =>
  withGuard(backend, () => createGuard(runner), { isWanted: () => true, mayExist: () => true });
const order = (id: string, address: string): MarkOrder => ({
  key: { network: "n", containerId: id, ifname: "eth0" },
  label: `team/${id}`,
  mark: { value: 0x10, mask: 0xff },
  addresses: [address, `fd00::${address.split(".")[3]}`],
  markReplies: false,
});

/** Runs the body while a monitor runs; `seen`: its lines, `told`: how many of them were another's. */
async function watching(
  body: (seen: () => string, told: () => number) => Promise<void>,
): Promise<void> {
  let [text, events] = ["", 0];
  const monitor = monitorFirewall({
    host,
    clock: systemClock,
    isOwn: own.isOwn,
    onEvent: () => events++,
    onTrouble: () => {},
    start: (request, onOutput) =>
      startStream(request, (piece) => {
        text += Buffer.from(piece).toString();
        onOutput(piece);
      }),
  });
  try {
    await until("the monitor sees what happens", () => {
      inside("nft", "add table ip probe; delete table ip probe");
      return text.includes("delete table ip probe");
    });
    await body(
      () => text,
      () => events,
    );
  } finally {
    monitor.stop();
  }
}

/** So that all that was done before has been seen. */
async function caughtUp(seen: () => string, name: string): Promise<void> {
  inside("nft", `add table ip ${name}; delete table ip ${name}`);
  await until(name, () => seen().includes(`delete table ip ${name}`));
}

const KINDS: readonly (readonly [string, () => MarkBackend, string, string])[] = [
  [
    "nftables",
    () => nftables,
    "delete element inet tenant-routing-marks pods4",
    "nft delete element inet tenant-routing-marks pods4 { 10.0.0.9 }",
  ],
  [
    "iptables-nft",
    iptables,
    "delete rule ip mangle PREROUTING",
    "iptables-nft -t mangle -D PREROUTING 1",
  ],
];

test.each(KINDS)(
  "%s with the guard: ADD and DEL of our own are no event, and what others remove is one",
  async (_name, backend, line, foreign) => {
    const marks = guarded(backend()).open({});
    // The tables, and one that stays.
    await marks.install(order("stays", "10.0.0.9"));
    known.watched(true);
    await createGuard(runner).list();
    await marks.list();
    await watching(async (seen, told) => {
      for (let n = 1; n <= 3; n++) {
        const each = order(`pod-${n}`, `10.0.0.${n}`);
        const { place } = await marks.install(each);
        const { addresses } = each;
        await marks.remove([attachmentTag(each.key)], { backend: place, addresses, order: each });
      }
      await caughtUp(seen, "first");
      expect(seen()).toContain(line);
      expect(seen()).toContain("delete element inet tenant-routing-guard pods4 { 10.0.0.3");
      expect(told()).toBe(0);
      inside("sh", "-c", foreign.replace("{", "'{").replace("}", "}'"));
      await until("another's removal is told", () => told() === 1);
      inside("nft", "delete table inet tenant-routing-guard");
      await until("so is that of a table", () => told() > 1);
    });
    known.watched(false);
  },
);
