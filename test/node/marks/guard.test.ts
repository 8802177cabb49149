/** Marks and the guard with packets: a pod behind the node, and a machine outside. */
import type { MarkOrder } from "../../../lib/ports";
import { attachmentTag } from "../../../lib/marks/tag";
import type { Dropped, Guarded } from "../../../lib/marks/nftables/guard";
import type { Batch } from "./driver";
import { sh } from "../../helpers/shell";
import { useRig } from "./rig";

const rig = useRig({ guard: true });

const KEY = { network: "net", containerId: "c1", ifname: "eth0" };
const [POD, OUTSIDE, POD6, OUTSIDE6] = ["10.7.0.2", "10.8.0.2", "fd07::2", "fd08::2"];
const ORDER: MarkOrder = {
  key: KEY,
  label: "team-a/web-0",
  mark: { value: 0x10, mask: 0xff },
  addresses: [POD, POD6],
  markReplies: false,
};
const TAG = attachmentTag(KEY);
type How = Batch["configured"];

const namespaces = (): { pod: string; outside: string } => ({
  pod: `${rig.netns}-pod`,
  outside: `${rig.netns}-out`,
});
const on = (netns: string, command: string): string =>
  sh("ip", "netns", "exec", netns, "sh", "-c", command);

beforeEach(() => {
  const { pod, outside } = namespaces();
  for (const [n, netns] of [[7, pod] as const, [8, outside] as const]) {
    sh("ip", "netns", "add", netns);
    sh("sh", "-c", `ip -n ${rig.netns} link add v${n} type veth peer name eth0 netns ${netns}`);
    on(
      netns,
      `ip link set lo up; ip link set eth0 up; ip addr add 10.${n}.0.2/24 dev eth0; ip addr add fd0${n}::2/64 dev eth0 nodad
       ip route add default via 10.${n}.0.1; ip -6 route add default via fd0${n}::1`,
    );
    rig.inside(
      `ip link set v${n} up; ip addr add 10.${n}.0.1/24 dev v${n}; ip addr add fd0${n}::1/64 dev v${n} nodad`,
    );
  }
  rig.inside("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
  // Until the machines have found each other (IPv6 checks its link-local addresses first).
  on(
    pod,
    `for i in $(seq 300); do ping -c 1 -W 1 ${OUTSIDE} && ping -c 1 -W 1 ${OUTSIDE6} && exit 0; sleep 0.1; done >/dev/null; exit 1`,
  );
  on(outside, `ping -c 1 -W 10 ${POD6} >/dev/null`);
  // Another program's bits, before ours, and what comes through behind the guard.
  rig.inside(`nft -f - <<'END'
table inet observer {
  counter marked { }
  counter unmarked { }
  chain prerouting { type filter hook prerouting priority raw; meta mark set meta mark | 0x4000; }
  chain forward { type filter hook forward priority filter; ip saddr ${POD} jump count; ip6 saddr ${POD6} jump count; }
  chain count { meta mark & 0xffff == 0x4010 counter name marked return; counter name unmarked; }
}
END`);
});
afterEach(() => {
  for (const netns of Object.values(namespaces())) sh("ip", "netns", "del", netns);
});

const pings = (from: string, ...to: string[]): readonly boolean[] =>
  to.map(
    (address) =>
      on(from, `ping -c 2 -i 0.05 -W 1 ${address} >/dev/null && echo yes || echo no`) === "yes\n",
  );
const counted = (): Record<string, number> =>
  Object.fromEntries(
    ["marked", "unmarked"].map((name) => [
      name,
      Number(
        /packets (\d+)/.exec(rig.inside(`nft reset counter inet observer ${name}`))?.[1] ?? "-1",
      ),
    ]),
  );
const guard = async (
  how: How,
): Promise<{ guarded: readonly Guarded[]; dropped: readonly Dropped[] }> =>
  (await rig.ok(how, ["guard"])) as { guarded: readonly Guarded[]; dropped: readonly Dropped[] };

describe.each(["nftables", "nft"] as const)("marks by %s", (how) => {
  test("the pod's packets carry the mark beside others' bits; replies of inbound connections do not, and pass", async () => {
    const { pod, outside } = namespaces();
    await rig.ok(how, ["install", ORDER]);
    expect(pings(pod, OUTSIDE, OUTSIDE6)).toEqual([true, true]);
    expect(counted()).toEqual({ marked: 4, unmarked: 0 });
    expect(pings(outside, POD, POD6)).toEqual([true, true]);
    expect(counted()).toEqual({ marked: 0, unmarked: 4 });
    expect((await guard(how)).dropped).toEqual([{ mark: ORDER.mark, packets: 0, bytes: 0 }]);
  });

  test("where the marks are flushed nothing leaves, and it is counted; inbound connections go on", async () => {
    const { pod, outside } = namespaces();
    await rig.ok(how, ["install", ORDER]);
    rig.inside(
      how === "nft"
        ? "iptables-nft -t mangle -F; ip6tables-nft -t mangle -F"
        : "nft delete table inet tenant-routing-marks",
    );
    expect(pings(pod, OUTSIDE, OUTSIDE6)).toEqual([false, false]);
    expect(counted()).toEqual({ marked: 0, unmarked: 0 });
    expect((await guard(how)).dropped).toEqual([
      { mark: ORDER.mark, packets: 4, bytes: expect.any(Number) },
    ]);
    expect(pings(outside, POD, POD6)).toEqual([true, true]);
    await rig.ok(how, ["install", ORDER]);
    expect(pings(pod, OUTSIDE, OUTSIDE6)).toEqual([true, true]);
  });

  test("with markReplies, replies must carry the mark too", async () => {
    const { outside } = namespaces();
    await rig.ok(how, ["install", { ...ORDER, markReplies: true }]);
    expect(pings(outside, POD, POD6)).toEqual([true, true]);
    expect(counted()).toEqual({ marked: 4, unmarked: 0 });
    rig.inside(
      how === "nft"
        ? "iptables-nft -t mangle -F; ip6tables-nft -t mangle -F"
        : "nft delete table inet tenant-routing-marks",
    );
    expect(pings(outside, POD, POD6)).toEqual([false, false]);
  });

  test("no packet of a pod is lost while its mark changes, again and again", async () => {
    const { pod } = namespaces();
    await rig.ok(how, ["install", ORDER]);
    const flood = sh.bind(undefined, "ip", "netns", "exec", pod, "sh", "-c");
    flood(`ping -i 0.002 -c 700 ${OUTSIDE} > /tmp/${pod}.log 2>&1 &`);
    for (const value of [0x20, 0x30, 0x10])
      await rig.ok(how, ["install", { ...ORDER, mark: { value, mask: 0xff } }]);
    const log = sh(
      "sh",
      "-c",
      `for i in $(seq 600); do grep -q received /tmp/${pod}.log && break; sleep 0.1; done; cat /tmp/${pod}.log; rm /tmp/${pod}.log`,
    );
    expect(log).toContain("700 packets transmitted, 700 received");
    const { guarded } = await guard(how);
    expect(guarded.map(({ mark }) => mark)).toEqual([ORDER.mark, ORDER.mark]);
  });

  test("a reused address meets no entry of the pod before, with a mark and without one", async () => {
    const { pod } = namespaces();
    await rig.ok(how, ["install", ORDER]);
    const next = { ...KEY, containerId: "next" };
    await rig.ok(how, ["evict", next, ORDER.addresses]);
    expect(pings(pod, OUTSIDE, OUTSIDE6)).toEqual([true, true]);
    await rig.ok(how, ["install", ORDER]);
    await rig.ok(how, ["install", { ...ORDER, key: next, mark: { value: 0x20, mask: 0xff } }]);
    expect(pings(pod, OUTSIDE, OUTSIDE6)).toEqual([true, true]);
    await rig.ok(how, ["remove", [TAG]]);
    expect((await guard(how)).guarded).toHaveLength(2);
    await rig.ok(how, ["remove", [attachmentTag(next)]]);
    expect((await guard(how)).guarded).toEqual([]);
    expect(pings(pod, OUTSIDE, OUTSIDE6)).toEqual([true, true]);
  });
});
