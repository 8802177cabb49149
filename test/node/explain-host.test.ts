/** `wrapper explain` of a pod that the API server knows and the journal does not, as with hostNetwork. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { CLUSTER } from "../helpers/api-objects";
import { BINARY } from "../helpers/harness";
import { launch } from "../helpers/launch";
import { ourList } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import { sh } from "../helpers/shell";

const world = useNode({ keep: true });
const api = useApi(world, CLUSTER);

async function explain(pod: string) {
  const conf = join(world.dir, "10-tr.conflist");
  writeFileSync(conf, JSON.stringify(ourList(world, { kubeconfig: await api.kubeconfig() })));
  return launch({
    netns: world.netns,
    command: [BINARY, "explain", pod, "--conf", conf, "-o", "json"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "",
    options: {},
  });
}

/** A default gateway that answers. */
function connect(): void {
  const { netns } = world.newPod("world", "gateway");
  const to = ["type", "veth", "peer", "name", "lan", "netns", netns];
  sh("ip", "-n", world.netns, "link", "add", "eth0", ...to);
  for (const [name, device, address] of [
    [world.netns, "eth0", "10.0.0.2/24"],
    [netns, "lan", "10.0.0.1/24"],
  ] as const) {
    sh("ip", "-n", name, "addr", "add", address, "dev", device);
    sh("ip", "-n", name, "link", "set", device, "up");
  }
  sh("ip", "-n", world.netns, "route", "add", "default", "via", "10.0.0.1");
}

test("it leaves by the node's default route, no tenant, status 0; a pod that nobody knows is status 2", async () => {
  connect();
  const { exit, json } = await explain("team-a/web-0");
  expect(json).toMatchObject({
    paths: [
      {
        state: "ok",
        first: null,
        verdict:
          "team-a/web-0 -> 203.0.113.9 leaves by the node's default route, by 10.0.0.1 on eth0, no tenant",
      },
    ],
  });
  expect(exit).toBe(0);
  const unknown = await explain("team-a/web-9");
  expect(unknown.exit).toBe(2);
  expect(unknown.stderr).toContain("no attachment of team-a/web-9 on this node");
});
