/** Pure: rules and routes of others inside a sentence. */
import { ruleWords, routeWords } from "./text";
import type { IpRoute, IpRule } from "./model";

/** The last words of a rule: `protocol` and its name. */
const PROTOCOL_WORDS = 2;

/** In quotes, as `ip rule add` and `ip rule del` take it; who made it is left out. */
export function quotedRule(rule: IpRule): string {
  const words = ruleWords(rule).slice(0, -PROTOCOL_WORDS);
  return `"ip -${rule.family} rule ${[...words, ...(rule.other === undefined ? [] : [rule.other])].join(" ")}"`;
}

/** In quotes, as `ip route del` takes it. */
export function quotedRoute(route: IpRoute): string {
  return `"ip -${route.family} route ${routeWords(route).join(" ")}"`;
}
