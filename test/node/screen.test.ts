/** What a terminal shows while a command takes longer than a second: the packed binary on one of script(1). */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createJournal } from "../../lib/attachment/journal";
import { attachmentTag } from "../../lib/marks/tag";
import { useRoutesNode, WRAPPER } from "../helpers/routes-node";

const node = useRoutesNode();
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Programs that look at the node and take their time. */
function slowPrograms(): string {
  const dir = join(node.dir, "bin");
  mkdirSync(dir);
  for (const name of ["ip", "nft", "iptables-nft-save", "iptables-nft"]) {
    const file = join(dir, name);
    writeFileSync(file, `#!/bin/sh\nsleep 2\nPATH=${PATH} exec ${name} "$@"\n`);
    chmodSync(file, 0o755);
  }
  return dir;
}

function onTerminal(words: string, path: string): Promise<string> {
  const call = `${WRAPPER} ${words} --conf ${node.conf}`;
  const args = ["netns", "exec", node.netns, "script", "-qec", call, "/dev/null"];
  const child = spawn("ip", args, {
    env: { PATH: path, TERM: "xterm" },
    stdio: ["ignore", "pipe", "pipe"],
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
  const path = `${slowPrograms()}:${PATH}`;
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
  const shown = await Promise.all(Object.keys(signs).map((words) => onTerminal(words, path)));
  expect(
    Object.entries(signs).map(([words, sign], i) => [
      words,
      new RegExp(`\\r[-|/\\\\] ${sign}`).test(shown[i] ?? "") ? "" : shown[i],
    ]),
  ).toEqual(Object.keys(signs).map((words) => [words, ""]));
  // In colours, and with nothing else that acts on a terminal.
  expect(shown[7]).toContain("\u001b[31m");
}, 300_000);
