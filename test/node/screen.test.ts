/** What a terminal shows while a command takes longer than a second: the packed binary on one of script(1). */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createJournal } from "../../lib/attachment/journal";
import { attachmentTag } from "../../lib/marks/tag";
import { useRoutesNode, WRAPPER } from "../helpers/routes-node";

const node = useRoutesNode();
/** In the mount namespace that `ip netns exec` makes: the programs that look at the node take their time. */
function slowPrograms(): string {
  return ["ip", "nft", "xtables-nft-multi"]
    .map((name) => {
      const program = node.run(`readlink -f $(command -v ${name})`).trim();
      const slow = join(node.dir, name);
      writeFileSync(slow, `#!/bin/bash\nsleep 1.5\nexec -a "\${0##*/}" ${slow}-real "$@"\n`, {
        mode: 0o755,
      });
      return `cp ${program} ${slow}-real; mount --bind ${slow} ${program}`;
    })
    .join("; ");
}

function onTerminal(words: string, prepare: string): Promise<string> {
  const call = `${WRAPPER} ${words} --conf ${node.conf}`;
  const script = `${prepare}; exec script -qec '${call}' /dev/null`;
  const child = spawn("ip", ["netns", "exec", node.netns, "bash", "-c", script], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TERM: "xterm" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data: Buffer) => (text += data.toString()));
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });
}

test("every command that looks at the node shows a sign of life", async () => {
  const key = { network: "routes", containerId: "c1", ifname: "eth0" };
  const journal = createJournal(join(node.dir, "data"));
  journal.prepare();
  journal.write(attachmentTag(key), {
    ...{ format: 1, state: "complete", key, netns: "/run/netns/gone" },
    ...{ owner: { pid: 1, startTime: "1" }, pod: { namespace: "plain", name: "client-0" } },
    ...{ tenant: "tenant-a", mark: { value: 0x10, mask: 0xff }, addresses: ["10.200.0.5"] },
    ...{ cniVersion: "1.0.0", since: "2026-01-01T00:00:00Z" },
  });
  const slow = slowPrograms();
  const signs = {
    status: "looking at the node",
    rules: "reading the rules of all pods",
    drift: "comparing the marks of all pods",
    repair: "comparing the marks of all pods",
    "top --once": "reading the counters",
    check: "looking at the attachments",
    "explain plain/client-0": "reading rules and routes",
    "routes plan": "comparing the node with the conflist",
    "routes show": "comparing the node with the conflist",
  };
  const shown = await Promise.all(Object.keys(signs).map((words) => onTerminal(words, slow)));
  expect(
    Object.entries(signs).map(([words, sign], i) => [
      words,
      new RegExp(`\\r[-|/\\\\] ${sign}`).test(shown[i] ?? "") ? "" : shown[i],
    ]),
  ).toEqual(Object.keys(signs).map((words) => [words, ""]));
  // In colours, and with nothing else that acts on a terminal.
  expect(shown[7]).toContain("\u001b[31mPROBLEM");
});
