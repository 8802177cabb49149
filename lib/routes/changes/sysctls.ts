/** Pure: kernel settings that have to change, their record, and how they are put back. */
import type { Action, ChangedSysctl, NodeState, RoutesPlan, RoutesRecord } from "../model";

export type SysctlChange = Extract<Action, { kind: "sysctl" }>;
type Recorded = RoutesRecord["sysctls"];

/**
 * Changes of the settings that are not as the plan needs them. A setting that the kernel does not
 * have is left out.
 */
export function sysctlChanges(plan: RoutesPlan, state: NodeState): readonly SysctlChange[] {
  return plan.sysctls.flatMap(({ item: { path, value, also } }): readonly SysctlChange[] => {
    const now = state.sysctl(path);
    return now === undefined || now === value || also.includes(now)
      ? []
      : [{ kind: "sysctl", path, value }];
  });
}

/** The record once `sysctlChanges` and `staleSysctls` are done. */
export function sysctlsAfter(plan: RoutesPlan, state: NodeState, recorded: Recorded): Recorded {
  const wanted = new Set(plan.sysctls.map(({ item }) => item.path));
  const kept = Object.entries(recorded).filter(([path]) => wanted.has(path));
  const changed = sysctlChanges(plan, state).map(({ path, value }) => {
    const sides = recorded[path] === undefined ? sidesOf(path, state) : recorded[path].sides;
    const before = recorded[path]?.before ?? state.sysctl(path) ?? value;
    return [path, { before, written: value, ...(sides === undefined ? {} : { sides }) }] as const;
  });
  return Object.fromEntries([...kept, ...changed]);
}

/** Puts back settings that an earlier plan changed and this one does not need. */
export function staleSysctls(
  plan: RoutesPlan,
  state: NodeState,
  recorded: Recorded,
): readonly SysctlChange[] {
  const wanted = new Set(plan.sysctls.map(({ item }) => item.path));
  return restoredSysctls(
    Object.fromEntries(Object.entries(recorded).filter(([path]) => !wanted.has(path))),
    state,
  );
}

/** Puts settings back that are as we left them; one that was changed since is left alone. */
export function restoredSysctls(recorded: Recorded, state: NodeState): readonly SysctlChange[] {
  const untouched = ([path, { written }]: readonly [string, ChangedSysctl]): boolean =>
    state.sysctl(path) === written;
  const restore = ([path, { before }]: readonly [string, ChangedSysctl]): SysctlChange => ({
    kind: "sysctl",
    path,
    value: before,
  });
  return (
    Object.entries(recorded)
      .filter(untouched)
      // The sides come after it, because the kernel overwrites them once more.
      .flatMap((entry) =>
        [entry, ...Object.entries(entry[1].sides ?? {}).filter(untouched)].map(restore),
      )
  );
}

/**
 * The settings that switching forwarding on and off would leave changed: each device's own
 * forwarding, and IPv4's accept_redirects (Linux, inet_forward_change and
 * addrconf_fixup_forwarding).
 */
function sidesOf(
  path: string,
  state: NodeState,
): Readonly<Record<string, ChangedSysctl>> | undefined {
  const family = { "net/ipv4/ip_forward": "ipv4", "net/ipv6/conf/all/forwarding": "ipv6" }[path];
  if (family === undefined) return undefined;
  const devices = ["default", ...state.links.map(({ name }) => name)].map(
    (name) => [`net/${family}/conf/${name}/forwarding`, "0", "1"] as const,
  );
  const redirects =
    family === "ipv4" ? [["net/ipv4/conf/all/accept_redirects", "1", "0"] as const] : [];
  const sides = [...redirects, ...devices].flatMap(([side, off, written]) => {
    const before = state.sysctl(side);
    return before === undefined || before === off ? [] : [[side, { before, written }] as const];
  });
  return sides.length === 0 ? undefined : Object.fromEntries(sides);
}
