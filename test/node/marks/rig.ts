/** A throw-away network namespace, and the real backend at work in it. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import type { InstalledMark } from "../../../lib/ports";
import { createFirewall, type Firewall } from "../../helpers/firewall";
import { sh } from "../../helpers/shell";
import type { Batch, Call, Reply } from "./driver";

export interface Rig {
  readonly netns: string;
  readonly firewall: Firewall;
  /** Runs the calls at once in a process of its own; one reply per call, in order. Fails on anything on its stderr. */
  run(configured: Batch["configured"], ...calls: Call[]): Promise<readonly Reply[]>;
  /** The one reply of one call that must succeed. */
  ok(configured: Batch["configured"], call: Call): Promise<unknown>;
  list(configured?: Batch["configured"]): Promise<readonly InstalledMark[]>;
  /** Stdout of a shell command in the namespace. */
  inside(command: string): string;
}

/** One namespace and data directory per test, removed afterwards. */
export function useRig(options: Pick<Batch, "guard"> = {}): Rig {
  const dir = mkdtempSync(join(tmpdir(), "rules-node-"));
  const driver = join(dir, "driver.cjs");
  const rig = { netns: "", firewall: undefined as unknown as Firewall };
  let serial = 0;
  beforeAll(() => {
    buildSync({
      entryPoints: [join(__dirname, "driver.ts")],
      bundle: true,
      platform: "node",
      outfile: driver,
    });
  });
  beforeEach(() => {
    rig.netns = `rules-${process.pid}-${++serial}`;
    sh("ip", "netns", "add", rig.netns);
    rig.firewall = createFirewall(rig.netns);
  });
  afterEach(() => void sh("ip", "netns", "del", rig.netns));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const run: Rig["run"] = (configured, ...calls) =>
    drive(rig.netns, driver, { dataDir: join(dir, rig.netns), configured, calls, ...options });
  const ok: Rig["ok"] = async (configured, call) => {
    const [reply] = await run(configured, call);
    if (reply?.message !== undefined) throw new Error(reply.message);
    return reply?.value;
  };
  return Object.assign(rig, {
    run,
    ok,
    list: async (configured: Batch["configured"] = "auto") =>
      (await ok(configured, ["list"])) as readonly InstalledMark[],
    inside: (command: string) => sh("ip", "netns", "exec", rig.netns, "sh", "-c", command),
  });
}

function drive(netns: string, driver: string, batch: Batch): Promise<readonly Reply[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      "ip",
      ["netns", "exec", netns, process.execPath, driver, JSON.stringify(batch)],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0 && err === "") resolve(JSON.parse(out) as readonly Reply[]);
      else reject(new Error(`driver: status ${status}: ${err}`));
    });
  });
}
