import { placeOf } from "../../../../../lib/checks/conflist/place";
import { brief, OURS } from "./set-up";

const bytes = (...plugins: object[]): Buffer =>
  Buffer.from(JSON.stringify({ cniVersion: "1.0.0", name: "n", plugins }));
const entry = (name: string, ...plugins: object[]) => ({ name, content: bytes(...plugins) });
const CILIUM = { type: "cilium-cni" };

function place(file: string, ...entries: ReturnType<typeof entry>[]) {
  const placing = {
    file,
    bytes: bytes(OURS),
    dir: "/net.d",
    runtime: "containerd" as const,
    entries,
  };
  const { name, installed, findings } = placeOf(placing);
  return { name, installed, findings: brief(findings) };
}

test("a distribution copies it under the name that it always writes", () => {
  const flannel = entry("10-flannel.conflist", { type: "flannel" });
  const placed = (file: string) =>
    placeOf({
      ...{ file, bytes: bytes(OURS), dir: "/net.d", runtime: "containerd" as const },
      ...{ entries: [flannel], copiedAs: "10-flannel.conflist" },
    });
  for (const file of ["/etc/rancher/k3s/tenants.conflist", "stdin"])
    expect(placed(file)).toEqual({
      name: "10-flannel.conflist",
      installed: false,
      findings: [],
    });
  // One that somebody puts beside it by hand is judged by its own name.
  expect(placed("/net.d/20-ours.conflist")).toMatchObject({
    name: "20-ours.conflist",
    installed: true,
  });
});

test.each<[string, ReturnType<typeof place>, object]>([
  [
    "a new file for an empty directory",
    place("/net.d/.new", entry(".new", OURS)),
    { name: "10-tenant-routing.conflist", installed: false, findings: [] },
  ],
  [
    "a new file in place of ours",
    place("/tmp/x", entry("20-ours.conflist", OURS)),
    { name: "20-ours.conflist", installed: false, findings: [] },
  ],
  [
    "a file with a name of its own",
    place("/tmp/15-a.conflist", entry("20-ours.conflist", OURS)),
    { name: "15-a.conflist", installed: false, findings: [] },
  ],
  [
    "another file that sorts before it",
    place("stdin", entry("05-cilium.conflist", CILIUM)),
    {
      name: "10-tenant-routing.conflist",
      installed: false,
      findings: ["TR0417 05-cilium.conflist"],
    },
  ],
  [
    "a file that Cilium has renamed",
    place("/net.d/.new", entry("10-a.conflist.cilium_bak", OURS)),
    {
      name: "10-tenant-routing.conflist",
      installed: false,
      findings: ["TR0418 10-a.conflist.cilium_bak"],
    },
  ],
  [
    "an installed file behind another",
    place("/net.d/10-a.conflist", entry("10-a.conflist", OURS), entry("05-c.conflist", CILIUM)),
    { name: "10-a.conflist", installed: true, findings: ["TR0301 05-c.conflist"] },
  ],
])("%s", (_, seen, expected) => {
  expect(seen).toEqual(expected);
});
