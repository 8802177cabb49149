/** Pure: what can be wrong with the machine: TR07xx. */
import { shellWord } from "../../text/shell";
import type { Kind } from "../finding";

interface DiskFacts {
  readonly path: string;
  /** `journal` or `log`. */
  readonly what: string;
  /** `0 of 65536 bytes are free`. */
  readonly left: string;
}

const COUNT = (path: string): string =>
  `Free space there: du -xah ${shellWord(path)} | sort -h | tail`;

export const NODE = {
  "journal-disk-full": {
    code: "TR0701",
    category: "node",
    severity: "failed",
    title: "The disk behind the journal is full",
    fault: ({ path, left }: DiskFacts) => `the disk of the journal ${path} is full: ${left}`,
    consequence: () => "every ADD fails with code 113, and a DEL leaves its rules behind",
    remedy: ({ path }: DiskFacts) => COUNT(mountOf(path)),
  },
  "log-disk-full": {
    code: "TR0702",
    category: "node",
    severity: "warning",
    title: "The disk behind the log is full",
    fault: ({ path, left }: DiskFacts) => `the disk of the log ${path} is full: ${left}`,
    consequence: () => "pods start all the same, but nothing is logged any more",
    remedy: ({ path }: DiskFacts) => COUNT(mountOf(path)),
  },
  "disk-nearly-full": {
    code: "TR0703",
    category: "node",
    severity: "warning",
    title: "A disk is nearly full",
    fault: ({ path, what, left }: DiskFacts) =>
      `the disk of the ${what} ${path} is nearly full: ${left}`,
    consequence: ({ what }: DiskFacts) =>
      what === "log" ? "soon nothing is logged any more" : "soon no pod starts",
    remedy: ({ path }: DiskFacts) => COUNT(mountOf(path)),
  },
  "ip-forward-off": {
    code: "TR0704",
    category: "node",
    severity: "failed",
    title: "The kernel does not forward",
    fault: () => "net.ipv4.ip_forward is 0",
    consequence: () => "the node drops whatever pods send to anybody else",
    remedy: () => "sysctl -w net.ipv4.ip_forward=1",
  },
  "marks-unusable": {
    code: "TR0705",
    category: "node",
    severity: "failed",
    title: "Marks cannot be programmed",
    fault: ({ problem }: { readonly problem: string }) => problem,
    consequence: () => "every ADD of a pod with a tenant fails with code 110",
    remedy: () => "Do what the message says; docs/on-call.md has more under code 110",
  },
  "journal-unsafe": {
    code: "TR0706",
    category: "node",
    severity: "failed",
    title: "The journal's directory is not trusted",
    fault: ({ problem }: { readonly problem: string }) => problem,
    consequence: () => "every ADD fails with code 113",
    remedy: ({ path }: { readonly path: string }) =>
      `chown 0:0 ${shellWord(path)} && chmod 0700 ${shellWord(path)}`,
  },
} satisfies Record<string, Kind<never>>;

/** The directory that holds a path's own: what fills the disk is mostly beside it. */
function mountOf(path: string): string {
  return path.replace(/\/[^/]*$/, "") || "/";
}
