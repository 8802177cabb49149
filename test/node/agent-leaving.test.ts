/** A pod that goes on sending while it is deleted: nothing of it comes to a gateway that is not its own. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VARIANTS } from "../helpers/firewall";
import { useAgents } from "../helpers/node-agent";
import { INTERNET, POD_NET, useGateways } from "../helpers/node-gateways";
import {
  ASKS,
  annotated,
  createRuntime,
  ourList,
  type AttachOptions,
} from "../helpers/node-runtime";
import { PLUGINS, useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { until } from "../helpers/shell";

const world = useNode();
useGateways(world);
const agents = useAgents(world);

/** As fast as it can, from one socket, until there is no way out any more. */
const FLOOD = `const s = require("node:dgram").createSocket("udp4"); s.on("error", () => {});
const send = () => { for (let i = 0; i < 8; i++) s.send("x", 9, "${INTERNET}", () => {}); setImmediate(send); }; send();`;
const counter = (gateway: string): { netns: string } & Pod =>
  ({ netns: `${world.netns}-${gateway}` }) as Pod;
const counted = (gateway: string): number =>
  Number(
    /packets (\d+)/.exec(
      world.inside(counter(gateway), "nft", "list", "counter", "ip", "leak", "pods"),
    )?.[1] ?? "-1",
  );

function count(): void {
  for (const gateway of ["default", "gw-a", "gw-b"])
    world.inside(
      counter(gateway),
      "nft",
      `add table ip leak; add counter ip leak pods;
       add chain ip leak in { type filter hook prerouting priority raw; };
       add rule ip leak in ip saddr ${POD_NET} udp dport 9 counter name pods drop`,
    );
}

/** ptp under another name, which takes its time before its DEL, and fails while there is the file. */
function slowPtp(): AttachOptions {
  const dir = join(world.dir, "slow");
  mkdirSync(dir, { recursive: true });
  const path = join(dir, "slow-ptp");
  writeFileSync(
    path,
    `#!/bin/sh
if [ "$CNI_COMMAND" = DEL ]; then
  sleep 0.3
  [ ! -e ${join(dir, "broken")} ] || { echo '{"cniVersion":"1.0.0","code":999,"msg":"broken"}'; exit 1; }
fi
exec ${PLUGINS}/ptp
`,
  );
  chmodSync(path, 0o755);
  return { env: { CNI_PATH: `${dir}:${PLUGINS}` } };
}

const guarded = (): string =>
  world.inside(undefined, "nft", "list", "table", "inet", "tenant-routing-guard");

test.each(["nftables", ...VARIANTS])(
  "by %s: not one packet of a flood leaks during DEL, one that fails and one that does not",
  async (how) => {
    const backend = how === "nftables" ? { backend: how } : { iptables: how };
    const list = ourList(world, {
      ...ASKS,
      ...backend,
      delegate: { type: "slow-ptp", ipMasq: false, ipam: world.ipam(POD_NET) },
    });
    const always = slowPtp();
    const agent = await agents.start(list);
    const runtime = createRuntime(world, list, always);
    count();
    const pod = world.newPod();
    expectOk(await runtime.add(pod, annotated("0x10/0xff")));
    await agent.sees("the guard has the pod", () => guarded().includes("10.88.0.2"));
    const flood = world.attempt(pod, process.execPath, "-e", FLOOD);
    await until("the flood has come to its gateway", () => counted("gw-a") > 100);
    writeFileSync(join(world.dir, "slow", "broken"), "");
    expect((await runtime.del(pod)).exit).toBe(1);
    expect(guarded()).toContain("10.88.0.2");
    const before = dropped();
    await until("the guard holds it back after the DEL that failed", () => dropped() > before);
    world.inside(undefined, "rm", join(world.dir, "slow", "broken"));
    expectOk(await runtime.del(pod));
    expect([counted("default"), counted("gw-b")]).toEqual([0, 0]);
    expect(guarded()).not.toContain("10.88.0.2");
    expect(world.everything()).toEqual([]);
    for (const line of world.inside(undefined, "ip", "netns", "pids", pod.netns).split("\n"))
      if (line !== "") process.kill(Number(line), "SIGKILL");
    await flood;
  },
);

function dropped(): number {
  return Number(/counter g_10_ff \{\s*packets (\d+)/.exec(guarded())?.[1] ?? "-1");
}
