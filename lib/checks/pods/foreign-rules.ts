/** Pure: rules of others that change what the marks of pods do. */
import { parseMark, type Mark } from "../../net/mark";
import { contains, parsePrefix } from "../../net/address";
import { removalOf } from "../../text/iptables-words";
import { findingOf, type Finding } from "../finding";
import { PODS } from "../kinds/pods";
import { isOurRule, wordAfter, type SavedRule } from "./save";

/** A pod that runs, as far as rules are concerned. */
export interface MarkedPod {
  readonly pod: string;
  readonly addresses: readonly string[];
  readonly mark: Mark | undefined;
  /** Replies to connections from outside keep the mark. */
  readonly markReplies: boolean;
}

/** A mark that stands for a tenant. */
export interface TenantMark {
  readonly name: string;
  readonly mark: Mark;
}

/** Words of a rule that say nothing of which packets it is for. */
const TARGETS = ["-j", "-m", "--comment", "--set-xmark", "--set-mark", "--zone", "--zone-orig"];

/**
 * Foreign rules of mangle PREROUTING that give a pod's packets a mark of other bits than its own. A rule
 * that ours overwrites, or that is narrowed by more than addresses, is none.
 */
export function foreignMarks(
  rules: readonly SavedRule[],
  pods: readonly MarkedPod[],
  tenants: readonly TenantMark[],
): readonly Finding[] {
  const prerouting = rules.filter(
    ({ table, chain }) => table === "mangle" && chain === "PREROUTING",
  );
  return prerouting.flatMap((rule, at) => {
    const mark = isOurRule(rule) ? undefined : writtenMark(rule);
    if (mark === undefined || !isBroad(rule)) return [];
    const behind = prerouting.slice(at + 1).filter(({ program }) => program === rule.program);
    const hit = pods.filter((pod) => isHit(rule, pod, { mark, behind, tenants }));
    if (hit.length === 0) return [];
    const tenant = tenants.find((each) => same(each.mark, mark))?.name;
    const facts = {
      ...{ rule: rule.spec, removal: removalOf(rule), mark, tenant },
      pods: hit.map(({ pod }) => pod),
    };
    return [findingOf(PODS, "foreign-mark", facts, hit[0]?.pod)];
  });
}

interface Against {
  readonly mark: Mark;
  /** Rules that come later in the same chain. */
  readonly behind: readonly SavedRule[];
  readonly tenants: readonly TenantMark[];
}

function isHit(rule: SavedRule, pod: MarkedPod, { mark, behind, tenants }: Against): boolean {
  const addresses = pod.addresses.filter((address) => isFrom(rule, address));
  if (addresses.length === 0) return false;
  const own = pod.mark;
  if (own === undefined) return tenants.some((each) => same(each.mark, mark));
  if ((mark.mask & own.mask) === 0 || same(own, mark)) return false;
  // Ours comes later and writes its bits again.
  return addresses.some(
    (address) => !behind.some((later) => isOurRule(later) && isFrom(later, address)),
  );
}

/** True where the bits that both have are the same. */
function same(one: Mark, other: Mark): boolean {
  const bits = one.mask & other.mask;
  return bits === one.mask && (one.value & bits) === (other.value & bits);
}

/** Rules of raw PREROUTING that keep packets from or to a pod with a mark from being tracked. */
export function untrackedPods(
  rules: readonly SavedRule[],
  pods: readonly MarkedPod[],
): readonly Finding[] {
  return rules
    .filter(({ table, chain }) => table === "raw" && chain === "PREROUTING")
    .filter(
      (rule) =>
        wordAfter(rule, "-j") === "NOTRACK" ||
        (wordAfter(rule, "-j") === "CT" && rule.words.includes("--notrack")),
    )
    .flatMap((rule) => {
      const hit = pods.filter(
        ({ addresses, mark, markReplies }) =>
          mark !== undefined &&
          !markReplies &&
          addresses.some((address) => isFrom(rule, address) && isTo(rule, address)),
      );
      if (hit.length === 0) return [];
      const facts = {
        ...{ rule: rule.spec, removal: removalOf(rule) },
        pods: hit.map(({ pod }) => pod),
      };
      return [findingOf(PODS, "untracked-pod", facts, hit[0]?.pod)];
    });
}

function writtenMark(rule: SavedRule): Mark | undefined {
  if (wordAfter(rule, "-j") !== "MARK") return undefined;
  const text = wordAfter(rule, "--set-xmark") ?? wordAfter(rule, "--set-mark");
  const mark = text === undefined ? undefined : parseMark(text);
  return mark !== undefined && typeof mark === "object" && "value" in mark ? mark : undefined;
}

/** True when nothing but addresses narrows it, so that it is about every packet of a pod. */
function isBroad({ words }: SavedRule): boolean {
  const rest = words.filter(
    (word, i) => ![word, words[i - 1] ?? ""].some((each) => TARGETS.includes(each)),
  );
  const [option, , ...more] = rest;
  return rest.length === 0 || (option === "-s" && more.length === 0);
}

function isFrom(rule: SavedRule, address: string): boolean {
  return isSide(rule, "-s", address);
}

/** A rule for packets to somebody else's address is none for this pod's. */
function isTo(rule: SavedRule, address: string): boolean {
  return wordAfter(rule, "-s") !== undefined || isSide(rule, "-d", address);
}

function isSide(rule: SavedRule, option: "-s" | "-d", address: string): boolean {
  const family = rule.program.startsWith("ip6") ? 6 : 4;
  if ((address.includes(":") ? 6 : 4) !== family) return false;
  const text = wordAfter(rule, option);
  if (text === undefined) return true;
  const [outer, inner] = [parsePrefix(text), parsePrefix(address)];
  const inside = outer !== undefined && inner !== undefined && contains(outer, inner);
  return rule.words[rule.words.indexOf(option) - 1] === "!" ? !inside : inside;
}
