import { devicesIn, readDevices } from "../../../../lib/load/devices";

const TEXT = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      300       4    0    0    0     0       0          0
eth1.5:10 1 0 0 0 0 0 0 5000 60 0 0 0 0 0 0

`;

test("what each device has sent", () => {
  expect([...devicesIn(TEXT)]).toEqual([
    ["lo", { packets: 4, bytes: 300 }],
    ["eth1.5", { packets: 60, bytes: 5000 }],
  ]);
});

test("this namespace has its loopback", () => {
  expect(readDevices().get("lo")).toBeDefined();
});
