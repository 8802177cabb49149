import { addressesOf6, localAddresses } from "../../../../../lib/checks/marks/addresses";

test("the node's own addresses in fib_trie, and no network or broadcast address", () => {
  const trie = `Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.1.0.0
        /24 link UNICAST
     |-- 10.1.0.5
        /32 host LOCAL
     |-- 10.1.0.255
        /32 link BROADCAST
     |-- 127.0.0.0
        /8 host LOCAL
`;
  expect(localAddresses(trie)).toEqual(["10.1.0.5"]);
});

test("the addresses of if_inet6", () => {
  const table =
    "fd000088000000000000000000000002 02 40 00 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\n";
  expect(addressesOf6(table)).toEqual([
    "fd00:0088:0000:0000:0000:0000:0000:0002",
    "0000:0000:0000:0000:0000:0000:0000:0001",
  ]);
});
