/** Commands of docs/on-call.md as they are, on a node whose files are where the page says: the support bundle, and what is left over. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Conf } from "../helpers/conf";
import { BINARY } from "../helpers/harness";
import { nodeFiles, type NodeFiles } from "../helpers/node-files";
import {
  annotated,
  ASKS,
  createRuntime,
  type Conflist,
  type Runtime,
} from "../helpers/node-runtime";
import { PLUGINS, useNode } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { sh, until } from "../helpers/shell";

const PAGE = readFileSync(resolve(__dirname, "../../docs/on-call.md"), "utf8");
const world = useNode();

/** The blocks of shell of a section, as they are pasted. */
function blocksOf(title: string): readonly string[] {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  return [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, body]) => body ?? "");
}

interface Node {
  readonly files: NodeFiles;
  readonly runtime: Runtime;
  readonly paste: (...lines: readonly string[]) => string;
}

/** A node that is set up as docs/install.md says; `paste` runs lines on it, with the test's directory for /tmp. */
function nodeWith(ours: Conf): Node {
  const files = nodeFiles(world);
  const delegate = {
    type: "ptp",
    ipMasq: false,
    ipam: { type: "host-local", subnet: "10.88.0.0/24" },
  };
  const list: Conflist = {
    cniVersion: "1.0.0",
    name: "tenant-routing",
    plugins: [{ type: "tenant-routing-wrapper", ...ASKS, ...ours, delegate }],
  };
  files.write("/etc/cni/net.d/10-tenant-routing.conflist", JSON.stringify(list));
  const bin = join(world.dir, "bin");
  mkdirSync(bin);
  symlinkSync(BINARY, join(bin, "wrapper"));
  return {
    files,
    runtime: createRuntime(world, list, { wrap: files.wrap, ...annotated("0x10/0xff") }),
    paste: (...lines) => {
      const script = `${files.wrap}\nPATH=${bin}:$PATH; cd '${world.dir}'; exec sh -c "$1"`;
      return world.inside(
        undefined,
        "sh",
        "-ec",
        script,
        "sh",
        lines.join("\n").replaceAll("/tmp/", `${world.dir}/`).replaceAll("/opt/cni/bin", PLUGINS),
      );
    },
  };
}

test("the bundle of the page has the rules, the log and the conflist", async () => {
  const { runtime, paste } = nodeWith({ iptables: "nft" });
  expectOk(await runtime.add(world.newPod()));
  paste(
    ...blocksOf("Support bundle"),
    "mkdir bundle; tar -C bundle -xzf tenant-routing-report-*.tar.gz",
  );
  const read = (name: string): string => readFileSync(join(world.dir, "bundle", name), "utf8");
  expect(read("firewall/iptables")).toContain('--comment "tenant-routing team-a/web-0 ');
  expect(read("commands/check.json")).toContain("team-a/web-0");
  expect(read("wrapper.log")).toContain('"msg":"ADD"');
  expect(read("net.d.txt")).toContain("tenant-routing-wrapper");
});

test("what is left over is found without other programs, and taken down", async () => {
  const { runtime, paste, files } = nodeWith({});
  const [live, dead] = [world.newPod("team-a", "live-0"), world.newPod("team-a", "dead-0")];
  for (const pod of [live, dead]) expectOk(await runtime.add(pod));
  const process = spawn("ip", ["netns", "exec", live.netns, "sleep", "600"], { stdio: "ignore" });
  try {
    await until("a process in the pod", () => sh("ip", "netns", "pids", live.netns) !== "");
    const [collect = "", list = ""] = blocksOf("Leftovers");
    // Neither has lost its namespace.
    expect(paste(collect)).toBe(
      "no attachment has lost its sandbox\nno attachment has lost its sandbox\n",
    );
    expect(paste(list)).toBe(`${dead.path}\n`);
    paste(
      `ip netns delete ${dead.netns}`,
      // Younger than a minute they are left to the runtime.
      `sed -i 's/"since":"[^"]*"/"since":"2026-01-01T00:00:00.000Z"/' /run/tenant-routing/*.json`,
    );
    expect(paste(collect)).toContain("dead-0");
    const records = paste(
      "grep -l . /run/tenant-routing/*.json | wc -l; grep -c live-0 /run/tenant-routing/*.json",
    );
    expect(records).toMatch(/^1\n/);
    expect(world.firewall.ours().filter((rule) => rule.includes("dead-0"))).toEqual([]);
    expect(
      files.list("/var/lib/cni/networks/tenant-routing").filter((name) => name.startsWith("10.")),
    ).toHaveLength(1);
  } finally {
    process.kill("SIGKILL");
  }
});

test("the switch: the changed conflist is checked and renamed, and new pods start unmarked", async () => {
  const { runtime, paste, files } = nodeWith({ exemptNamespaces: ["kube-system"] });
  const pod = world.newPod("team-a", "marked-0");
  expectOk(await runtime.add(pod));
  const [change = ""] = blocksOf("Turn it off");
  expect(paste(change)).toContain('"exemptNamespaces": ["*"]');
  expect(files.list("/etc/cni/net.d")).toEqual(["10-tenant-routing.conflist"]);
  expect(paste("wrapper explain team-a/marked-0 -o json || true")).toContain("0x10");
});
