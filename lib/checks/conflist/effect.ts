/** Pure: what a conflist will do, for people and programs. */
import { everyGateway, purposeText } from "../../../conf/gateways";
import type { PluginConf } from "../../../conf/types";
import { isOwnPlugin } from "../../cni/conflist";
import { isObject, own, type Json } from "../../cni/json";
import { hopText } from "../../net/hop";
import { formatMark } from "../../net/mark";
import { formatTable } from "../../text/table";
import type { ReadConflist } from "./read";

/** What it will do. */
export interface Effect {
  readonly network: string;
  readonly cniVersion: string;
  /** In the order in which an ADD runs them, what ours runs behind it. */
  readonly plugins: readonly string[];
  readonly tenants: readonly {
    readonly name: string;
    readonly mark: string;
    /** undefined: no routes of ours. */
    readonly table: number | undefined;
    readonly gateways: readonly string[];
    /** undefined: all. */
    readonly namespaces: readonly string[] | undefined;
  }[];
  /** Where annotations come from, in order. */
  readonly annotations: readonly string[];
  readonly exemptNamespaces: readonly string[];
}

/** How many gateways and namespaces of a tenant are named. */
const MOST = 2;
const ANNOTATIONS = "io.kubernetes.cri.pod-annotations";

/** What `conflist`, whose plugin of ours says `conf`, will do. */
export function effectOf({ plugins }: ReadConflist, conf: PluginConf): Effect {
  const ours = plugins.find(isOwnPlugin) ?? {};
  const capabilities = own(ours, "capabilities");
  const fromRuntime = isObject(capabilities) && own(capabilities, ANNOTATIONS) === true;
  return {
    network: conf.name,
    cniVersion: conf.cniVersion,
    plugins: plugins.map((plugin) =>
      isOwnPlugin(plugin) ? withDelegate(typeOf(plugin), conf) : typeOf(plugin),
    ),
    tenants: (conf.tenants ?? []).map(({ name, mark, table, namespaces, ...ways }) => ({
      ...{ name, mark: formatMark(mark), table, namespaces },
      gateways: everyGateway(ways).map((each) => `${hopText(each)}${purposeText(each.to)}`),
    })),
    annotations: [
      ...(fromRuntime ? ["the runtime"] : []),
      ...(conf.kubeconfig === undefined ? [] : [`the API server (${conf.kubeconfig})`]),
    ],
    exemptNamespaces: conf.exemptNamespaces,
  };
}

/** A few lines. `wrap` breaks one that is too long, and indents all. */
export function effectText(effect: Effect, wrap: (text: string) => string): string {
  const { network, cniVersion, plugins, tenants, annotations, exemptNamespaces } = effect;
  const rows = tenants.map(({ name, mark, table, gateways, namespaces }) => [
    ...[`  ${name}`, mark, table === undefined ? "-" : String(table)],
    few(gateways) || "-",
    namespaces === undefined ? "all" : few(namespaces),
  ]);
  const exempt = exemptNamespaces.length === 0 ? "" : `; exempt: ${exemptNamespaces.join(", ")}`;
  return [
    `${wrap(`network ${network}, CNI ${cniVersion}: ${plugins.join(", then ")}`)}\n`,
    `${wrap(`annotations from ${annotations.join(", else ") || "nowhere"}${exempt}`)}\n`,
    rows.length === 0
      ? `${wrap("no tenants: every mark other than 0 is accepted")}\n`
      : formatTable(["  TENANT", "MARK", "TABLE", "GATEWAYS", "NAMESPACES"], rows),
  ].join("");
}

/** The first of many. */
function few(words: readonly string[]): string {
  const more = words.length - MOST;
  return more <= 0 ? words.join(", ") : `${words.slice(0, MOST).join(", ")} and ${more} more`;
}

function withDelegate(type: string, { delegate, tenants = [] }: PluginConf): string {
  if (delegate === undefined) return `${type} (chained)`;
  const ipam = own(delegate, "ipam");
  const address = isObject(ipam) ? `, addresses by ${typeOf(ipam)}` : "";
  const patched = tenants.filter((tenant) => tenant.delegate !== undefined).length;
  const patches = patched === 0 ? "" : `, changed for ${patched} of ${tenants.length} tenants`;
  return `${type} (delegate ${typeOf(delegate)}${address}${patches})`;
}

function typeOf(plugin: Json): string {
  return isObject(plugin) ? String(own(plugin, "type")) : "";
}
