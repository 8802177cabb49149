/** The adapter on a scripted node. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Marks } from "../../../../../lib/ports";
import {
  createIptablesBackend,
  type IptablesOptions,
} from "../../../../../lib/marks/iptables/backend";
import { createTools } from "../../../../../lib/marks/iptables/programs";
import { detectVariant } from "../../../../../lib/marks/iptables/variant";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { FakeExec, FakeLocks, fakeHost, type Answer } from "../../../../helpers/fakes";

export const KEY = { network: "net", containerId: "c1", ifname: "eth0" };
export const RULE = {
  key: KEY,
  label: "team-a/web-0",
  mark: { value: 0x10, mask: 0xff },
  addresses: ["10.0.0.5"],
  markReplies: false,
};
export const DUAL = { ...RULE, addresses: ["10.0.0.5", "fd00::5"] };
export const OTHER = {
  ...RULE,
  key: { ...KEY, containerId: "c2" },
  label: "team-b/db-0",
  mark: { value: 0x20, mask: 0xff },
};
export const OTHER_TAG = attachmentTag(OTHER.key);
export const FOREIGN = "PREROUTING -s 10.0.0.5/32 -j MARK --set-xmark 0x4000/0x4000";
export const [SAVE4, SAVE6] = [
  "/usr/sbin/iptables-nft-save -t mangle",
  "/usr/sbin/ip6tables-nft-save -t mangle",
];
export const [RESTORE4, RESTORE6] = [
  "/usr/sbin/iptables-nft-restore --noflush -w 3",
  "/usr/sbin/ip6tables-nft-restore --noflush -w 3",
];
export const FAILED = { exitCode: 1, stderr: "iptables-restore: line 3 failed\n" };

export const listing = (...specs: string[]): string =>
  ["*mangle", ":PREROUTING ACCEPT [0:0]", ...specs.map((spec) => `-A ${spec}`), "COMMIT", ""].join(
    "\n",
  );
export const EMPTY = listing();

export interface Scripted {
  readonly exec: FakeExec;
  readonly locks: FakeLocks;
  readonly rules: Marks;
  /** What the adapter decides on. */
  readonly variant: () => Promise<string>;
  readonly logged: string[];
}

/** A data directory per test; call the result with what the programs answer, in order. */
export function useRules(): ((script: Answer[], part?: Partial<IptablesOptions>) => Scripted) & {
  dataDir: string;
} {
  const setUp = (script: Answer[], part: Partial<IptablesOptions> = {}): Scripted => {
    const exec = new FakeExec(...script);
    const locks = new FakeLocks();
    const logged: string[] = [];
    const log = {
      write: (level: string, message: string) => void logged.push(`${level} ${message}`),
    };
    const options = {
      exec,
      locks: locks.port,
      lockTimeoutMs: 2500,
      configured: "nft" as const,
      dataDir: tools.dataDir,
      log,
      host: fakeHost(),
      ...part,
    };
    const rules = createIptablesBackend(options).open({});
    const variant = async (): Promise<string> =>
      (await detectVariant({ ...options, tools: createTools(exec, options.host, options) }))
        .variant;
    return { exec, locks, rules, variant, logged };
  };
  const tools = Object.assign(setUp, { dataDir: "" });
  beforeEach(() => {
    tools.dataDir = mkdtempSync(join(tmpdir(), "rules-"));
  });
  afterEach(() => rmSync(tools.dataDir, { recursive: true, force: true }));
  return tools;
}
