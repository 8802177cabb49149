/** Pure: rules of others that change what the marks of pods do, as findings. */
import type { PluginConf } from "../../../conf/types";
import type { Attachment } from "../../attachment/journal";
import { contains, parsePrefix } from "../../net/address";
import type { Mark } from "../../net/mark";
import { placeOf, wordAfter, type SavedRule } from "../../text/iptables-save";
import { removalOf } from "../../text/iptables-words";
import { findingOf, type Finding } from "../finding";
import { hitsOf, isGiven, type ForeignRule } from "../foreign/model";
import { PODS } from "../kinds/pods";
import { podName } from "./mark-findings";

/** A pod that runs, as far as rules are concerned. */
export interface MarkedPod {
  readonly pod: string;
  readonly addresses: readonly string[];
  readonly mark: Mark | undefined;
  /** Replies to connections from outside keep the mark. */
  readonly markReplies: boolean;
}

/** The pod of a record. */
export function markedPod(attachment: Attachment): MarkedPod {
  const { addresses, mark, markReplies = false } = attachment;
  return { pod: podName(attachment), addresses, mark, markReplies };
}

/** Rules that give packets of pods another mark than their own, one finding for each. */
export function foreignMarks(
  { tenants = [], defaultMask }: Pick<PluginConf, "tenants" | "defaultMask">,
  pods: readonly MarkedPod[],
  rules: readonly ForeignRule[],
): readonly Finding[] {
  const marks = tenants.map(({ mark }) => mark);
  const all = [...marks, ...pods.flatMap(({ mark }) => mark ?? [])];
  const bits = all.reduce((mask, mark) => mask | mark.mask, 0);
  return hitsOf(rules, pods, { marks, bits: bits === 0 ? defaultMask : bits }).map(
    ({ rule, pods: hit }) => {
      const tenant = tenants.find(({ mark }) => isGiven(rule, mark))?.name;
      const mark = rule.value === undefined ? undefined : { mask: rule.mask, value: rule.value };
      const { text, where, removal } = rule;
      const facts = { rule: text, where, pods: hit, removal, mark, tenant };
      return findingOf(PODS, "foreign-mark", facts, hit[0]);
    },
  );
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
  return rule.words[placeOf(rule, option) - 1] === "!" ? !inside : inside;
}
