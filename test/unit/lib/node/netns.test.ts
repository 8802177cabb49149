import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refuseHostNetns } from "../../../../lib/node/netns";
import { parseRequest } from "../../../../lib/cni/request";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "netns-"));
  symlinkSync(join(dir, "loop"), join(dir, "loop"));
  symlinkSync("/proc/self/ns/net", join(dir, "host"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const guard =
  (netns: string, more = {}) =>
  () =>
    refuseHostNetns(
      parseRequest({
        CNI_COMMAND: "DEL",
        CNI_CONTAINERID: "c1",
        CNI_NETNS: netns,
        CNI_IFNAME: "eth0",
        CNI_PATH: "/bin",
        ...more,
      }),
    );

test("the node's own namespace is refused, by whatever name, unless it is asked for", () => {
  expect(guard(join(dir, "host"))).toThrow(expect.objectContaining({ code: 8 }));
  expect(guard(join(dir, "host"), { CNI_NETNS_OVERRIDE: "1" })).not.toThrow();
});

test.each([
  ["none", () => ""],
  ["nothing there", () => join(dir, "gone")],
  ["a symbolic link to itself", () => join(dir, "loop")],
  ["below a file", () => "/dev/null/x"],
  ["a name that is too long", () => `/${"x".repeat(5000)}`],
  ["another file", () => "/dev/null"],
])("%s is not for us to judge", (_name, path) => {
  expect(guard(path())).not.toThrow();
});
