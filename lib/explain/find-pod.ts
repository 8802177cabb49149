/** Pure: which attachment of the journal a person means. */
import { closest } from "../../conf/schema-problems";
import { isNamed, type Attachment } from "../attachment/journal-record";
import { CniError } from "../cni/error";

/** How many names a message lists. */
const MOST_NAMES = 8;

/**
 * The attachment that `name` means, `namespace/pod` or a container's ID; undefined when there is none.
 * Of several, one whose sandbox `isGone` does not count. Throws CniError `invalidEnvironment` when
 * several are left.
 */
export function findPod(
  all: readonly Attachment[],
  name: string,
  isGone: (attachment: Attachment) => boolean,
): Attachment | undefined {
  const named = all.filter((each) => isNamed(each, name));
  if (named.length <= 1) return named[0];
  const there = named.filter((each) => !isGone(each));
  if (there.length === 1) return there[0];
  const several = there.length === 0 ? named : there;
  const lines = several.map(
    ({ key, addresses, since }) =>
      `${key.containerId} ${key.network} ${key.ifname} ${addresses.join(",") || "no address"} since ${since}`,
  );
  throw new CniError(
    "invalidEnvironment",
    `${name} has ${several.length} attachments on this node: name one by its container's ID`,
    { details: lines.join("\n  ") },
  );
}

/** The error for a pod that is not on this node, with the names that may be meant. */
export function podUnknown(all: readonly Attachment[], name: string): CniError {
  const known = [...new Set(all.flatMap(({ pod }) => (pod === undefined ? [] : [nameOf(pod)])))];
  const [last = ""] = name.split("/").slice(-1);
  const alike = known.filter((each) => each.endsWith(`/${last}`));
  const near = closest(name, known);
  const meant = alike.length > 0 ? alike : near === undefined ? [] : [near];
  const hint =
    meant.length > 0
      ? `did you mean ${listed(meant)}?`
      : `is it on another node, or was it started before this plugin?`;
  return new CniError("attachmentUnknown", `no attachment of ${name} on this node: ${hint}`);
}

function nameOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}

function listed(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, MOST_NAMES);
  const rest = names.length - shown.length;
  return `${shown.join(" or ")}${rest > 0 ? ` (and ${rest} more)` : ""}`;
}
