/** The machines of a lab: network namespaces of this machine. */
import { CniError } from "../../cni/error";
import type { Ran, RunOptions, Shell } from "./shell";
import type { Transcript } from "./transcript";

export interface ShowOptions extends RunOptions {
  /** What is printed in the command's place. */
  readonly as?: string;
  /** Output is printed only when the command fails. */
  readonly silent?: boolean;
}

export interface Background {
  readonly pid: number;
  /** Kills it; it may be gone already. */
  stop(): void;
}

export interface Machine {
  /** As shown in the transcript. */
  readonly name: string;
  /** The namespace's name for `ip netns`. */
  readonly netns: string;
  /** Runs a command on it and shows nothing. Any exit status is fine. */
  run(command: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same, but shows the command and its output. */
  show(command: readonly string[], options?: ShowOptions): Promise<Ran>;
  /** Runs a command that must succeed; returns its stdout. Throws CniError `io`. */
  must(command: readonly string[], options?: RunOptions): Promise<string>;
  /** `ip` with these arguments on it, which must succeed: `ip("route add default via 10.0.0.1")`. */
  ip(words: string): Promise<string>;
  /** Sets kernel settings by their dotted names, those of IPv6 where the kernel has it. A device's dots are written as slashes. */
  sysctl(settings: Readonly<Record<string, string | number>>): Promise<void>;
  /** Starts a program that runs until the lab is removed; its output goes to a log in the lab's directory. */
  background(command: readonly string[]): Promise<Background>;
}

/** What every machine is made with: no waiting for duplicate addresses, no rationing of ICMP errors, no strict rp_filter by surprise. */
const SETTINGS = {
  "net.ipv4.conf.all.rp_filter": 0,
  "net.ipv4.conf.default.rp_filter": 0,
  "net.ipv6.conf.all.accept_dad": 0,
  "net.ipv6.conf.default.accept_dad": 0,
  "net.ipv6.conf.default.accept_ra": 0,
  "net.ipv4.icmp_ratelimit": 0,
  "net.ipv6.icmp.ratelimit": 0,
  "net.ipv4.ping_group_range": "0 0",
};

/**
 * The names that this machine has for routing tables (`wrapper routes apply` writes some) are not the
 * lab's: statements are about numbers, and a foreign name must not collide with the lab's tenants.
 * `ip netns exec` has made a mount namespace, so this hides them for one command only.
 */
const WITHOUT_NAMES = [
  "sh",
  "-c",
  `for dir in /etc/iproute2 /usr/share/iproute2/rt_tables.d /usr/lib/iproute2/rt_tables.d; do
  [ ! -d "$dir" ] || mount -t tmpfs none "$dir" || exit
done
exec "$@"`,
  "sh",
];

const IF_IPV6 = "[ ! -d /proc/sys/net/ipv6 ] || ";

/** Makes the namespace; `log` is the file for the output of programs in the background. */
export async function createMachine(
  name: string,
  netns: string,
  tools: { shell: Shell; transcript: Transcript; log: string },
): Promise<Machine> {
  await tools.shell.must(["ip", "netns", "add", netns]);
  const machine = machineIn(name, netns, tools);
  await machine.ip("link set lo up");
  await machine.sysctl(SETTINGS);
  return machine;
}

function machineIn(
  name: string,
  netns: string,
  { shell, transcript, log }: { shell: Shell; transcript: Transcript; log: string },
): Machine {
  const inside = (command: readonly string[]): readonly string[] => [
    "ip",
    "netns",
    "exec",
    netns,
    ...WITHOUT_NAMES,
    ...command,
  ];
  const must: Machine["must"] = (command, options) => shell.must(inside(command), options);
  return {
    name,
    netns,
    run: (command, options) => shell.run(inside(command), options),
    must,
    show: async (command, { as = command.join(" "), silent = false, ...options } = {}) => {
      const ran = await shell.run(inside(command), options);
      transcript.command(name, as, silent && ran.status === 0 ? "" : ran.output);
      return ran;
    },
    ip: (words) =>
      shell.must(["ip", "-n", netns, ...words.split(" ").filter((word) => word !== "")]),
    sysctl: async (settings) => {
      const lines = Object.entries(settings).map(
        ([key, value]) =>
          `${key.startsWith("net.ipv6.") ? IF_IPV6 : ""}echo '${value}' >/proc/sys/${key.split(".").join("/")}`,
      );
      await must(["sh", "-e"], { stdin: lines.join("\n") });
    },
    background: async (command) => {
      const script = '"$@" </dev/null >>"$0" 2>&1 & echo $!';
      const pid = Number((await must(["sh", "-c", script, log, ...command])).trim());
      if (!(pid > 1)) throw new CniError("io", `${command.join(" ")} did not start`);
      return { pid, stop: () => kill(pid) };
    },
  };
}

/** Turns forwarding on, both families. */
export async function makeRouter(machine: Machine): Promise<void> {
  await machine.sysctl({ "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1 });
}

/** SIGKILL; a process that is gone is fine. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
}
