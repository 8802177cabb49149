/** One look at what marks and gateways do now. */
import { everyGateway } from "../../conf/gateways";
import type { PluginConf } from "../../conf/types";
import { attachmentIn, type Attachment, type Journal } from "../attachment/journal";
import type { Programs } from "../node/programs";
import type { Clock, InstalledMark, Marks } from "../ports";
import { podRows } from "./in-force";
import type { GatewayState, Sample } from "./rates";

/** What a sample is taken through. */
export interface SamplePorts {
  readonly marks: Pick<Marks, "list" | "traffic">;
  /** Packets that the guard has dropped; undefined: there is no guard. */
  readonly dropped: () => Promise<Sample["dropped"]>;
  readonly journal: Pick<Journal, "tags" | "read">;
  readonly programs: Pick<Programs, "run">;
  readonly clock: Pick<Clock, "elapsed">;
}

/** A sample, and what it was made from. */
export interface Taken extends Sample {
  readonly installed: readonly InstalledMark[];
  /** By tag. */
  readonly records: ReadonlyMap<string, Attachment>;
}

/** Throws when the marks cannot be listed. */
export async function takeSample(conf: PluginConf, ports: SamplePorts): Promise<Taken> {
  const { marks, dropped, journal, programs, clock } = ports;
  // Marks first: an ADD writes its record before it marks.
  const [installed, traffic, lost, gateways] = await Promise.all([
    marks.list(),
    marks.traffic(),
    dropped(),
    gatewaysOf(conf, programs),
  ]);
  const at = clock.elapsed();
  const records = recordsIn(journal);
  const pods = podRows(conf, { installed, traffic, records });
  return { at, traffic, pods, dropped: lost, gateways, installed, records };
}

/** The records that can be read, by tag. */
export function recordsIn(journal: SamplePorts["journal"]): ReadonlyMap<string, Attachment> {
  return new Map(
    journal.tags().flatMap((tag) => {
      const attachment = attachmentIn(journal, tag);
      return attachment === undefined ? [] : [[tag, attachment] as const];
    }),
  );
}

/** What `ip -j neigh` and `ip -j link` print of one entry. */
interface IpEntry {
  readonly dst?: string;
  readonly dev?: string;
  readonly state?: readonly string[];
  readonly ifname?: string;
  readonly operstate?: string;
}

async function gatewaysOf(
  { tenants = [] }: PluginConf,
  programs: SamplePorts["programs"],
): Promise<readonly GatewayState[]> {
  if (tenants.every((tenant) => everyGateway(tenant).length === 0)) return [];
  const [neighbours, links] = await Promise.all(
    ["neigh", "link"].map(async (what) => listOf(await programs.run("ip", ["-j", what, "show"]))),
  );
  return tenants.flatMap((tenant) =>
    everyGateway(tenant).map(({ via, dev }): GatewayState => {
      const { name } = tenant;
      const entry = neighbours?.find(
        (each) => each.dst === via && (dev === undefined || each.dev === dev),
      );
      const link = links?.find(({ ifname }) => ifname === dev);
      return via === undefined
        ? { tenant: name, gateway: dev ?? "", state: link?.operstate ?? "none" }
        : { tenant: name, gateway: via, state: entry?.state?.join(",") ?? "none" };
    }),
  );
}

function listOf(json: string): readonly IpEntry[] {
  return json.trim() === "" ? [] : (JSON.parse(json) as readonly IpEntry[]);
}
