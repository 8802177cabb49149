/** What a lab needs of the machine that it runs on, and what to install when it is missing. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { isSea } from "node:sea";
import { basename, dirname, join } from "node:path";
import { CniError } from "../../cni/error";
import { localHost } from "../../node/host";

const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  bridge: "iproute2",
  tc: "iproute2",
  nft: "nftables",
  iptables: "iptables",
  ip6tables: "iptables",
  ping: "iputils-ping",
  tcpdump: "tcpdump",
  conntrack: "conntrack",
  setpriv: "util-linux",
  dnsmasq: "dnsmasq-base",
  "kea-dhcp6": "kea-dhcp6-server",
  dhclient: "isc-dhcp-client",
};
const PLUGINS_PACKAGE = "containernetworking-plugins";

/** The plugin's file name. */
export const OUR_TYPE = "tenant-routing-wrapper";
/** The packed binary's name beside the launcher, which has the plugin's (cmd/launcher/launcher.c). */
export const PACKED_BESIDE_LAUNCHER = `${OUR_TYPE}.bin`;
const BUILT = "tenant-routing-launcher";

const NO_MOUNT_POINT =
  "/ is not a mount point (a chroot into a plain directory), so ip netns exec cannot work: " +
  "leave the chroot and bind its directory on itself, mount --rbind DIR DIR, then chroot DIR again";

export interface Needs {
  readonly programs: readonly string[];
  /** CNI plugins, by type, besides this one. */
  readonly plugins: readonly string[];
  /** The launcher is the plugin, with the packed binary beside it. */
  readonly launcher?: boolean;
}

/** The Debian package that brings a program. */
export function packageOf(program: string): string {
  return PACKAGES[program] ?? program;
}

/**
 * Throws CniError `io` naming everything that is missing with its Debian package, or CniError
 * `invalidEnvironment` when the lab could not work for another reason.
 */
export function checkNeeds({ programs, plugins }: Needs, cniPath: readonly string[]): void {
  if (process.getuid?.() !== 0)
    throw new CniError(
      "invalidEnvironment",
      "a lab makes network namespaces: run it as root (sudo)",
    );
  if (!isSea())
    throw new CniError(
      "invalidEnvironment",
      "labs use the packed binary as plugin and probe: npm run build, then dist/wrapper lab",
    );
  if (!isMountPoint("/")) throw new CniError("invalidEnvironment", NO_MOUNT_POINT);
  const missing = [
    ...[...new Set(["ip", "ping", "nft", ...programs])]
      .filter((name) => localHost.find(name) === undefined)
      .map((name) => ({ what: `the program ${name}`, package: packageOf(name) })),
    ...plugins
      .filter((type) => !cniPath.some((dir) => existsSync(join(dir, type))))
      .map((type) => ({
        what: `the CNI plugin ${type} (in ${cniPath.join(":")})`,
        package: PLUGINS_PACKAGE,
      })),
  ];
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((one) => one.package))].join(" ");
  throw new CniError(
    "io",
    `missing: ${missing.map(({ what }) => what).join(", ")}; on Debian and Ubuntu: apt-get install ${packages}`,
  );
}

/**
 * `file`, or the launcher beside this binary: under the plugin's name where both are installed, else under
 * the name that the build gives it. Throws CniError `io` when it is not there.
 */
export function findLauncher(file: string | undefined, binary = process.execPath): string {
  const name = basename(binary) === PACKED_BESIDE_LAUNCHER ? OUR_TYPE : BUILT;
  const path = file ?? join(dirname(binary), name);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  throw new CniError(
    "io",
    `the launcher ${path} is missing: the build makes it where there is a C compiler (on Debian and Ubuntu: ` +
      "apt-get install gcc, then npm run build); or say where it is with --launcher FILE",
  );
}

// `ip netns exec` changes how the mounts below / propagate, which only a mount point takes (mount(2), EINVAL).
function isMountPoint(path: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === path);
}
