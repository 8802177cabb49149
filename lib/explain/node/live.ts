/** Sends a real packet from the pod's network namespace, with a look at the counters before and after. */
import { readFileSync } from "node:fs";
import { CniError } from "../../cni/error";
import { isObject, parseJson } from "../../cni/json";
import type { Programs } from "../../node/programs";
import { connectionsIn, type Connection } from "../conntrack";
import type { Counters, LiveFacts } from "../live";
import type { Packet, PathFacts } from "../model";
import type { ProbeOutcome, ProbeRequest } from "../probe/probe";
import { readGround, readPath, type ExplainNode, type Ground } from "./gather";
import { deviceCounts } from "./ip";

/** How long an answer is waited for (ms). */
const ANSWER_MS = 3000;

/** Throws CniError `io` when no packet can be sent from there. */
export async function probeLive(
  node: ExplainNode,
  ground: Ground,
  before: PathFacts,
): Promise<LiveFacts> {
  const { packet, pod } = before;
  const { netns } = pod;
  if (netns === undefined || packet.from === undefined)
    throw new CniError(
      "io",
      `${pod.pod} has no network namespace of its own here: --live has nothing to send from`,
    );
  const started = readDevices(before);
  const devices = await deviceCountsOf(node.programs, started);
  const tracked = connections(packet);
  const outcome = await send(node.programs, netns, {
    address: packet.to,
    port: packet.port,
    source: packet.from,
    timeoutMs: ANSWER_MS,
  });
  // Before anything else is sent: looking at the way asks the gateway.
  const devicesAfter = await deviceCountsOf(node.programs, started);
  const trackedAfter = connections(packet);
  const fresh = await readGround(node, ground.pod, ground.attachment);
  const to = { family: packet.family, address: packet.to, port: packet.port };
  const after = await readPath(node, fresh, { from: packet.from, to });
  const known = new Set(tracked?.map(({ key }) => key));
  return {
    outcome,
    timeoutMs: ANSWER_MS,
    before: { ...devices, ...countersOf(before) },
    after: { ...devicesAfter, ...countersOf(after) },
    tracked: trackedAfter?.filter(({ key }) => !known.has(key)),
    facts: { before, after },
  };
}

function countersOf({ marks }: PathFacts): Pick<Counters, "marked" | "guarded"> {
  return { marked: marks?.counted?.packets, guarded: marks?.guard?.dropped };
}

/** The pod's cable, and the device that the way leads to. */
function readDevices({ packet, way }: PathFacts): readonly (string | undefined)[] {
  return [packet.iif, "refused" in way ? undefined : way.dev];
}

async function deviceCountsOf(
  programs: Programs,
  devices: readonly (string | undefined)[],
): Promise<Pick<Counters, "fromPod" | "out" | "into">> {
  const [pod, out] = await Promise.all(
    devices.map(async (dev) => (dev === undefined ? undefined : deviceCounts(programs, dev))),
  );
  return { fromPod: pod?.rx, out: out?.tx, into: out?.rx };
}

/** undefined: the kernel does not list them. */
function connections({ from = "", to }: Packet): readonly Connection[] | undefined {
  try {
    return connectionsIn(readFileSync("/proc/net/nf_conntrack", "utf8"), from, to);
  } catch {
    return undefined;
  }
}

/** By ping where there is no port, because more machines answer to it than to anything else. */
async function send(
  programs: Programs,
  netns: string,
  request: ProbeRequest,
): Promise<ProbeOutcome> {
  if (request.port === undefined && programs.has("ping")) return ping(programs, netns, request);
  const own = [process.execPath, "explain", "probe", JSON.stringify(request)];
  const text = await programs.run("nsenter", [`--net=${netns}`, ...own]);
  const outcome = parseJson(new TextEncoder().encode(text), "the probe's answer");
  if (!isObject(outcome)) throw new CniError("io", "the probe's answer is no object");
  return outcome as unknown as ProbeOutcome;
}

async function ping(
  programs: Programs,
  netns: string,
  { address, source, timeoutMs }: ProbeRequest,
): Promise<ProbeOutcome> {
  const { ok, stdout, said } = await programs.try("nsenter", [
    `--net=${netns}`,
    ...["ping", "-n", "-c", "1", "-W", String(timeoutMs / 1000), "-I", source, address],
  ]);
  const what = "an ICMP echo request";
  if (ok) return { end: "answered", error: undefined, what };
  const refusal = /From \S+ .*?([A-Z][A-Za-z ]+)$/m.exec(stdout)?.[1];
  const error = refusal ?? (said === "" ? undefined : said);
  return { end: error === undefined ? "silent" : "refused", error, what };
}
