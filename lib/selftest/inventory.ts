/** What pods leave on the test node: interfaces, records, leases, firewall rules, routes. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "../lab/kit/machines";

/** Everything of one node, one line each, sorted. */
export async function inventory(node: Machine, dir: string): Promise<readonly string[]> {
  const links = await node.must(["ip", "-o", "link", "show"]);
  const routes = await node.must([
    "sh",
    "-c",
    "ip -4 route show table all; ip -6 route show table all",
  ]);
  return [
    ...linesOf(links).map((line) => `interface ${(line.split(": ")[1] ?? "").replace(/@.*/, "")}`),
    ...linesOf(routes)
      .filter((line) => !/fe80:|multicast|broadcast/.test(line))
      .map((line) => `route ${line.replace(/ expires \S+/, "")}`),
    ...files(join(dir, "state"), /^[^/]+\.json$/).map((name) => `record ${name}`),
    ...files(join(dir, "leases"), /(^|\/)[0-9a-f]*[.:][0-9a-f.:]*$/).map((name) => `lease ${name}`),
    ...(await rules(node)).map((line) => `rule ${line}`),
  ].sort();
}

/** What is there now and was not before. */
export function newSince(before: readonly string[], now: readonly string[]): readonly string[] {
  const left = [...before];
  return now.filter((line) => {
    const index = left.indexOf(line);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

/** Both variants of iptables; legacy only where it has tables, because looking makes them. Files in /proc have size 0, so they must be read to know. */
async function rules(node: Machine): Promise<readonly string[]> {
  const legacy = (names: string, save: string): string =>
    `! grep -qs . /proc/net/${names} || { command -v ${save} >/dev/null && ${save}; } || true`;
  const script = [
    "nft list ruleset",
    legacy("ip_tables_names", "iptables-legacy-save"),
    legacy("ip6_tables_names", "ip6tables-legacy-save"),
  ];
  const text = await node.must(["sh", "-c", script.join("\n")]);
  return linesOf(withoutFrames(text))
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.replace(/ ?counter packets \d+ bytes \d+| \[\d+:\d+\]$/, "").trim());
}

/** Of our table of marks the elements only: the table and its chains stay for the next pod (decision 0070). */
function withoutFrames(ruleset: string): string {
  return ruleset.replace(/^table inet tenant-routing-marks \{\n([\s\S]*?)^\}/gm, (table) =>
    (table.match(/\S+ comment "[^"]*" : \w+ ?[^\s,}]*/g) ?? []).join("\n"),
  );
}

function files(dir: string, pattern: RegExp): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) =>
    pattern.test(name),
  );
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}
