/** Reads what may take packets of pods around the marks: `ip`, `tc`, `nft`, and a file of Cilium's. */
import { readFileSync } from "node:fs";
import { CniError } from "../../cni/error";
import type { Programs } from "../../node/programs";
import { fieldsOf, listOf, type Fields } from "../../text/fields";
import {
  podDevices,
  type AttachedPod,
  type Datapath,
  type Filter,
  type Flowtable,
  type Link,
  type LinkRoute,
} from "./datapath";

/** What Cilium's agent writes for its programs, and what is in it when they route by themselves. */
const CILIUM_CONFIG = "/run/cilium/state/globals/node_config.h";
const HOST_ROUTING = /^#define ENABLE_HOST_ROUTING\b/m;

/** What is about these pods. Throws CniError `io` when a program is missing or fails. */
export async function readDatapath(
  programs: Programs,
  pods: readonly AttachedPod[],
): Promise<Datapath> {
  const list = async (name: string, ...words: readonly string[]): Promise<readonly Fields[]> =>
    parsedList(await programs.run(name, ["-j", ...words]));
  const [shown, routes4, routes6, qdiscs, flowtables] = await Promise.all([
    list("ip", "-d", "link", "show"),
    list("ip", "-4", "route", "show"),
    list("ip", "-6", "route", "show"),
    list("tc", "qdisc", "show"),
    readFlowtables(programs),
  ]);
  const links = shown.map(linkOf);
  const routes = [...routes4, ...routes6].flatMap(routeOf);
  const devices = podDevices(pods, { links, routes });
  // Only an interface with one of these can have filters there.
  const filtered = qdiscs.filter(
    ({ kind, dev }) => (kind === "clsact" || kind === "ingress") && devices.has(String(dev)),
  );
  const filters = await Promise.all(
    filtered.map(async ({ dev }) => {
      const name = String(dev);
      const words = ["-j", "filter", "show", "dev", name, "ingress"];
      const { ok, stdout, said } = await programs.try("tc", words);
      if (ok) return filtersIn(name, parsedList(stdout));
      // A pod that has ended meanwhile.
      if (said.includes("Cannot find device")) return [];
      throw new CniError("io", `tc ${words.join(" ")} failed: ${said}`);
    }),
  );
  return {
    links,
    routes,
    filters: filters.flat(),
    flowtables,
    hostRouting: ciliumSaysSo(CILIUM_CONFIG) ? CILIUM_CONFIG : undefined,
  };
}

function parsedList(text: string): readonly Fields[] {
  return text.trim() === "" ? [] : (JSON.parse(text) as readonly Fields[]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function linkOf({ ifname, linkinfo, master }: Fields): Link {
  const kind = textOf(fieldsOf(linkinfo)["info_kind"]) ?? "";
  return { name: textOf(ifname) ?? "", kind, master: textOf(master) };
}

function routeOf({ dst, dev }: Fields): readonly LinkRoute[] {
  return typeof dst === "string" && typeof dev === "string" ? [{ to: dst, dev }] : [];
}

/** Pure: what `tc -j filter show` prints of one interface. Each filter comes twice or thrice, once with its options. */
export function filtersIn(dev: string, printed: readonly Fields[]): readonly Filter[] {
  return printed
    .filter((each) => "options" in each)
    .map(({ pref, kind, options }) => {
      const { bpf_name: name, actions } = fieldsOf(options);
      const redirect = (Array.isArray(actions) ? actions : [])
        .map(fieldsOf)
        .find((action) => action["kind"] === "mirred" && action["mirred_action"] === "redirect");
      return {
        ...{ dev, pref: Number(pref), kind: String(kind) },
        name: textOf(name),
        to: redirect && String(redirect["to_dev"]),
      };
    });
}

async function readFlowtables(programs: Programs): Promise<readonly Flowtable[]> {
  if (!programs.has("nft")) return [];
  const some = await programs.run("nft", ["-j", "list", "flowtables"]);
  // The whole ruleset takes longer, and hardly any node has flowtables.
  if (!some.includes('"flowtable"')) return [];
  return flowtablesIn(await programs.run("nft", ["-j", "-a", "list", "ruleset"]));
}

/** Pure: those in what `nft -j -a list ruleset` prints (libnftables-json(5)). */
export function flowtablesIn(text: string): readonly Flowtable[] {
  const { nftables } = JSON.parse(text) as { readonly nftables?: unknown };
  const objects = listOf(nftables).map(fieldsOf);
  const rules = objects.map((each) => fieldsOf(each["rule"])).filter(({ expr }) => expr);
  return objects
    .map((each) => fieldsOf(each["flowtable"]))
    .filter(({ name }) => typeof name === "string")
    .map(({ family, table, name, dev }) => {
      const rule = rules.find(
        (each) =>
          each["family"] === family &&
          each["table"] === table &&
          addsTo(each["expr"], String(name)),
      );
      return {
        ...{ table: `${String(family)} ${String(table)}`, name: String(name) },
        devices: (Array.isArray(dev) ? dev : [dev]).filter((each) => typeof each === "string"),
        rule: rule && { chain: String(rule["chain"]), handle: Number(rule["handle"]) },
      };
    });
}

function addsTo(statements: unknown, flowtable: string): boolean {
  return listOf(statements)
    .map((statement) => fieldsOf(fieldsOf(statement)["flow"]))
    .some(({ op, flowtable: to }) => op === "add" && to === `@${flowtable}`);
}

function ciliumSaysSo(path: string): boolean {
  try {
    return HOST_ROUTING.test(readFileSync(path, "utf8"));
  } catch {
    return false;
  }
}
