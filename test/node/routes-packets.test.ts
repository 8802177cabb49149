/**
 * `wrapper routes` with real packets: which way they go, with which source address, past which
 * rules of others.
 */
import { INTERNET, INTERNET6, TENANTS, useRoutesNode } from "../helpers/routes-node";

const node = useRoutesNode();
const [A, B] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];
const PODS = { podNetworks: ["10.88.0.0/16", "fd00:88::/64"] };
const MARKS = ["0", "0x10/0xff", "0x20/0xff"] as const;

/** Pods of nobody, of tenant A and of tenant B. */
let pods: readonly string[] = [];

beforeEach(async () => {
  pods = MARKS.map((mark, i) => node.pod(i + 2, mark));
  await node.serve("eth0", "eth1", "eth2");
});

function apply(): void {
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0, stderr: "" });
}

/** What each pod hears from the internet: by which gateway, and from which address it came. */
function answers(address = INTERNET): string[] {
  return pods.map((pod) => node.ask(pod, address));
}

/** kube-proxy's and kindnet's masquerading, as iptables or as native nft rules. */
const OTHERS = {
  "kube-proxy style, iptables": `
    for t in iptables-nft ip6tables-nft; do
      $t -t nat -N KUBE-POSTROUTING; $t -t nat -A POSTROUTING -j KUBE-POSTROUTING
      $t -t mangle -A PREROUTING -i pod+ -j MARK --or-mark 0x4000
      $t -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
      $t -t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
      $t -t nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully
    done`,
  "kindnet style, iptables-legacy": `
    iptables-legacy -t nat -N KIND-MASQ; iptables-legacy -t nat -A POSTROUTING -m addrtype ! --dst-type LOCAL -j KIND-MASQ
    iptables-legacy -t nat -A KIND-MASQ -d 10.88.0.0/16 -j RETURN; iptables-legacy -t nat -A KIND-MASQ -j MASQUERADE
    ip6tables-legacy -t nat -A POSTROUTING ! -d fd00:88::/64 -j MASQUERADE`,
  "native nft": `
    nft 'table inet kindnet { chain post { type nat hook postrouting priority 100; policy accept; ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16 masquerade; ip6 saddr fd00:88::/64 ip6 daddr != fd00:88::/64 masquerade; }; }'`,
} as const;

describe.each(Object.entries(OTHERS))("against the masquerading of others (%s)", (_, others) => {
  beforeEach(() => void node.run(others));

  test("without snat they decide", () => {
    apply();
    expect(answers()).toEqual(["eth0 10.0.0.2", "eth1 10.10.10.2", "eth2 10.10.20.2"]);
  });

  test("none keeps the pod's address, in both families, for that tenant alone", () => {
    node.configure({ "tenant-a": { ...A, snat: "none" }, "tenant-b": B });
    apply();
    expect(answers()).toEqual(["eth0 10.0.0.2", "eth1 10.88.0.3", "eth2 10.10.20.2"]);
    expect(answers(INTERNET6)).toEqual(["eth0 fd00:1::2", "eth1 fd00:88::3:0", "no answer"]);
  });

  test("an address for each family is written", () => {
    for (const address of ["10.10.10.77/32", "fd00:10::77/128"])
      node.ip("addr", "add", address, "dev", "eth1", ...(address.includes(":") ? ["nodad"] : []));
    node.configure({
      "tenant-a": { ...A, snat: ["10.10.10.77", "fd00:10::77"] },
      "tenant-b": { ...B, snat: "none" },
    });
    apply();
    expect(answers()).toEqual(["eth0 10.0.0.2", "eth1 10.10.10.77", "eth2 10.88.0.4"]);
    expect(answers(INTERNET6).slice(0, 2)).toEqual(["eth0 fd00:1::2", "eth1 fd00:10::77"]);
  });
});

test("masquerade takes the interface's address, in both families; nobody else's packets change", () => {
  node.configure({ "tenant-a": { ...A, snat: "masquerade" }, "tenant-b": { ...B, snat: "none" } });
  apply();
  expect(answers()).toEqual(["eth0 10.88.0.2", "eth1 10.10.10.2", "eth2 10.88.0.4"]);
  expect(answers(INTERNET6)).toEqual(["eth0 fd00:88::2:0", "eth1 fd00:10::2", "no answer"]);
});

test("masquerade of the pods without a tenant: to the internet, not among themselves", async () => {
  node.configure(
    { "tenant-a": A, "tenant-b": { ...B, snat: "none" } },
    { ...PODS, masquerade: true },
  );
  apply();
  expect(answers()).toEqual(["eth0 10.0.0.2", "eth1 10.88.0.3", "eth2 10.88.0.4"]);
  expect(answers(INTERNET6).slice(0, 2)).toEqual(["eth0 fd00:1::2", "eth1 fd00:88::3:0"]);
  const [plain = "", tenant = ""] = pods;
  await node.serve(tenant);
  expect([node.ask(plain, "10.88.0.3"), node.ask(plain, "fd00:88::3:0")]).toEqual([
    `${tenant} 10.88.0.2`,
    `${tenant} fd00:88::2:0`,
  ]);
});

test.each(["nft", "legacy"])(
  "acceptForward lets pods' packets through a FORWARD policy of DROP (iptables-%s)",
  (iptables) => {
    node.run(
      `iptables-${iptables} -P FORWARD DROP; ip6tables-${iptables} -P FORWARD DROP; iptables-${iptables} -A FORWARD -j DROP`,
    );
    apply();
    expect(answers()).toEqual(["no answer", "no answer", "no answer"]);
    node.configure(TENANTS, { ...PODS, acceptForward: true }, { iptables });
    apply();
    expect(answers()).toEqual(["eth0 10.88.0.2", "eth1 10.88.0.3", "eth2 10.88.0.4"]);
    expect(answers(INTERNET6).slice(0, 2)).toEqual(["eth0 fd00:88::2:0", "eth1 fd00:88::3:0"]);
    apply();
    expect(
      node
        .run(`iptables-${iptables} -S FORWARD; ip6tables-${iptables} -S FORWARD`)
        .split("\n")
        .filter((line) => line.includes("tenant-routing")),
    ).toHaveLength(4);
  },
);

test("a lost gateway stops its tenant at once; nothing leaks, others go on; apply brings it back", () => {
  apply();
  node.ip("link", "set", "eth1", "down");
  expect(answers()).toEqual(["eth0 10.88.0.2", "no answer", "eth2 10.88.0.4"]);
  expect(answers(INTERNET6)[1]).toBe("no answer");
  node.ip("link", "set", "eth1", "up");
  node.ip("addr", "add", "fd00:10::2/64", "dev", "eth1", "nodad");
  apply();
  expect(answers()[1]).toBe("eth1 10.88.0.3");
});

test("with the rule for local delivery at 100, as Cilium moves it, node and pods still reach each other", () => {
  node.ip("rule", "add", "pref", "100", "lookup", "local");
  node.ip("-6", "rule", "add", "pref", "100", "lookup", "local");
  node.ip("rule", "del", "pref", "0");
  node.ip("-6", "rule", "del", "pref", "0");
  apply();
  const ping = (from: string, to: string): string =>
    node
      .run(
        `ip netns exec ${from} ping -c 1 -W 1 ${to} >/dev/null 2>&1 && echo reached || echo lost`,
      )
      .trim();
  const tenant = pods[1] ?? "";
  const reached = [
    ping(tenant, "10.0.0.2"),
    ping(tenant, "fd00:1::2"),
    ping(tenant, "10.10.10.2"),
    ping(node.netns, "10.88.0.3"),
    ping(node.netns, "fd00:88::3:0"),
    ping(tenant, "10.88.0.4"),
  ];
  expect(reached).toEqual(Array.from({ length: 6 }, () => "reached"));
  expect(answers()[1]).toBe("eth1 10.88.0.3");
});
