/** A machine whose routing tables have names, as `wrapper routes apply` and administrators give them. */

/** Some are the names of the labs' tenants, others are foreign names for the labs' numbers. */
const NAMES = {
  "tenant-routing.conf": "# Made by wrapper routes apply\\n100 tenant-a\\n200 tenant-b\\n",
  "isp.conf": "100 isp-one\\n300 tenant-a\\n",
};

/**
 * A command that runs the given one where iproute2 knows these names: in a mount namespace of its
 * own, so the machine's files are not touched. What it mounts (network namespaces too) is not seen outside.
 */
export function withTableNames(command: readonly string[]): readonly [string, ...string[]] {
  const write = Object.entries(NAMES).map(
    ([name, lines]) => `printf '${lines}' >"$dir/rt_tables.d/${name}"`,
  );
  const script = [
    "dir=/etc/iproute2",
    '[ -d "$dir" ] || dir=/usr/share/iproute2',
    'mount -t tmpfs none "$dir"',
    'mkdir "$dir/rt_tables.d"',
    ...write,
    'exec "$@"',
  ].join("\n");
  return ["unshare", "--mount", "--propagation", "slave", "sh", "-ec", script, "sh", ...command];
}
