import { expectNothingLeft, onMachine, paused, runLab, runLabAmongNames } from "../helpers/lab";

test("every statement of the lab holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, prefix } = await runLabAmongNames("gateway-pod", ["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(73);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("hidden pods, lost marks and a gateway that cuts packets make the statements about them fail, the others not", async () => {
  const early = `nft 'table inet hide { chain post { type nat hook postrouting priority -150; oifname "br-gw" masquerade; }; }'`;
  const breaks: readonly (readonly [string, string, string])[] = [
    ["3. ", "node1", early],
    [
      "4. ",
      "node1",
      "nft delete table inet hide; iptables -w -t mangle -F PREROUTING; ip6tables -w -t mangle -F PREROUTING",
    ],
    ["5. ", "gw-1", "ip route replace 10.200.1.0/24 via 10.50.0.1 dev net1 mtu lock 1400"],
    ["6. ", "gw-1", "ip route replace 10.200.1.0/24 via 10.50.0.1 dev net1"],
    // It was told to send smaller packets, and would remember that.
    ["6. ", "internet", "ip route flush cache"],
  ];
  const { status, text, prefix } = await runLab("gateway-pod", ["--verify"], (line, pid) => {
    for (const [start, machine, script] of breaks)
      if (line.startsWith(start)) paused(pid, () => onMachine(pid, machine, script));
  });
  const failed = text
    .split("\n")
    .filter((line) => line.startsWith("   FAILED "))
    .join("\n");
  expect(failed).toMatch(
    /gw-0 sees the client's own address \(0 and 0 packets\), never a node's \([1-9]\d* and [1-9]\d*\)/,
  );
  expect(failed).toContain("IPv4: the server sees the address of gw-1's tunnel");
  expect(failed).toContain(
    "the client's packets to the server come to node2 inside the VXLAN (0 and 0 counted there)",
  );
  expect(failed).toContain(
    "IPv4: in segments of 1410 bytes, and nobody had to be told that one is too large",
  );
  expect(failed).toMatch(
    /no packet was cut or put together again, inside or outside the VXLAN \(.*node1 [1-9]\d*, node2 \d+, gw-1 [1-9]/,
  );
  // The pod is made anew then, and with it its marks.
  expect(text).toMatch(
    / {3}ok {3}node2 is found by the group \([1-9]\d* packets to 239\.50\.0\.1 counted there\)\n/,
  );
  expect(text).toMatch(
    / {3}ok {3}no packet was cut or put together again, inside or outside the VXLAN \(.*gw-1 0, internet 0\)\n/,
  );
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});
