import { linkFacts } from "../../../../../lib/routes/kernel/link-facts";

test("what a link is, as ip -j -d prints it", () => {
  expect(
    linkFacts({
      ifname: "vx",
      address: "02:00:00:00:00:AB",
      master: "br",
      ifalias: "tenant-routing",
      flags: ["BROADCAST", "UP", "LOWER_UP"],
      linkinfo: {
        info_kind: "vxlan",
        info_data: { id: 7, group6: "FF05::1", local6: "fd00:0::1", link: "eth0", port: 4789 },
      },
      addr_info: [
        { local: "10.1.0.1", prefixlen: 24, scope: "0" },
        { local: "fe80::1", prefixlen: 64, scope: "253" },
        { scope: "0" },
      ],
    }),
  ).toEqual({
    kind: "vxlan",
    alias: "tenant-routing",
    mac: "02:00:00:00:00:ab",
    parent: "eth0",
    master: "br",
    id: 7,
    local: "fd00::1",
    group: "ff05::1",
    port: 4789,
    running: true,
    prefixes: ["10.1.0.1/24", "fe80::1/64"],
  });
});

test.each(["remote", "remote6"])("%s: a peer in the place of a group is told apart", (key) => {
  const info_data = { id: 7, [key]: "FD00::2" };
  expect(linkFacts({ linkinfo: { info_kind: "vxlan", info_data } })).toEqual({
    ...{ kind: "vxlan", id: 7, remote: "fd00::2", prefixes: [] },
  });
});

test.each([
  [["UP"], "its parent is down"],
  [["UP", "LOWER_UP", "NO-CARRIER"], "it has no carrier"],
  [["LOWER_UP"], "it is down"],
])("with flags %j it does not run: %s", (flags) => {
  expect(linkFacts({ flags })).toEqual({ prefixes: [] });
});

test("hardware has none of it; the parent of a macvlan is told beside its details", () => {
  expect(linkFacts({ ifname: "eth0", linkinfo: null, addr_info: "?" })).toEqual({ prefixes: [] });
  expect(
    linkFacts({ link: "eth0", linkinfo: { info_kind: "macvlan", info_data: { mode: "bridge" } } }),
  ).toEqual({ kind: "macvlan", parent: "eth0", mode: "bridge", prefixes: [] });
});
