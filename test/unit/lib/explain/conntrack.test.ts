import { connectionsIn } from "../../../../lib/explain/conntrack";

const TEXT = `ipv4     2 tcp      6 118 SYN_SENT src=10.88.0.2 dst=203.0.113.9 sport=4000 dport=443 [UNREPLIED] src=203.0.113.9 dst=10.10.10.2 sport=443 dport=4000 mark=0 zone=0 use=2
ipv4     2 icmp     1 29 src=10.88.0.2 dst=203.0.113.9 type=8 code=0 id=7 src=203.0.113.9 dst=10.88.0.2 type=0 code=0 id=7 mark=0 use=1
ipv4     2 udp      17 29 src=10.88.0.3 dst=203.0.113.9 sport=1 dport=2 src=203.0.113.9 dst=10.88.0.3 sport=2 dport=1 use=1
ipv6     10 tcp      6 9 SYN_SENT src=fd00:0088:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0009 sport=5 dport=6 [UNREPLIED] src=2001:0db8:0000:0000:0000:0000:0000:0009 dst=fd00:0088:0000:0000:0000:0000:0000:0002 sport=6 dport=5 use=1
`;

test("the pod's connections to the destination, with where answers go", () => {
  expect(connectionsIn(TEXT, "10.88.0.2", "203.0.113.9")).toEqual([
    {
      key: "tcp sport=4000 dport=443 sport=443 dport=4000",
      answersTo: "10.10.10.2",
      answered: false,
    },
    { key: "icmp id=7 id=7", answersTo: "10.88.0.2", answered: true },
  ]);
});

test("IPv6 is printed with all its zeros", () => {
  expect(connectionsIn(TEXT, "fd00:88::2", "2001:db8::9")).toMatchObject([
    { answersTo: "fd00:88::2", answered: false },
  ]);
});

test("nothing of others", () => {
  expect(connectionsIn(TEXT, "10.88.0.4", "203.0.113.9")).toEqual([]);
  expect(connectionsIn("", "10.88.0.2", "203.0.113.9")).toEqual([]);
});
