/** What the steps of the lab `external-ipam` work with, and what several of them do. */
import { call, target } from "../kit/calls";
import type { Setup } from "../kit/lab";
import { leftBehind, type CniRan, type Pod, type PodSpec, type Runtime } from "../kit/runtime";
import { SERVER, type Topology, type Way } from "./topology";

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflist: string;
  readonly runtime: Runtime;
  /** All pods that were ever made, in that order. */
  readonly pods: Pod[];
}

/** A pod that is attached. */
export interface Tenant {
  readonly machine: Pod;
  readonly addresses: readonly string[];
}

/** Where the annotation stands. */
export const MARK = "tenant.routing/fwmark";

/** A pod of a tenant before its ADD; `ips`: the addresses that its annotation asks for. */
export async function podOf(
  { runtime, pods }: Fixture,
  pod: string,
  tenant: string,
  ips: readonly string[] = [],
): Promise<Pod> {
  const annotations = { [MARK]: tenant, ...(ips.length === 0 ? {} : { ips: ips.join(",") }) };
  const spec: PodSpec = { pod, annotations, ...(ips.length === 0 ? {} : { offers: { ips } }) };
  const made = await runtime.sandbox(spec);
  pods.push(made);
  return made;
}

/** ADD of a pod, and that it succeeds; undefined when it does not. */
export async function attach(fixture: Fixture, machine: Pod): Promise<Tenant | undefined> {
  const { ok, addresses } = await fixture.runtime.add(machine);
  const holds = fixture.setup.transcript.statement(
    `${machine.spec.pod} is attached`,
    ok && addresses.length > 0,
  );
  return holds ? { machine, addresses } : undefined;
}

/** Why an ADD must be refused, and what it says. */
export interface Refusal {
  readonly about: string;
  readonly words: RegExp;
  /** What gave no address takes none back either: the record waits for the DEL. */
  readonly owesDel?: boolean;
}

/** ADD of a pod that must be refused with these words, and leave nothing. */
export async function refuse(
  fixture: Fixture,
  machine: Pod,
  { about, words, owesDel = false }: Refusal,
  add: (pod: Pod) => Promise<CniRan> = fixture.runtime.add,
): Promise<void> {
  const { setup, topology } = fixture;
  const left = async (): Promise<string> => {
    const all = await leftBehind(setup, topology.node);
    return owesDel ? all.replaceAll(/^.*\.json\n/gm, "") : all;
  };
  const before = await left();
  const { ok, output } = await add(machine);
  const said = output.replaceAll(/\s+/g, " ");
  setup.transcript.statement(`${about}: ADD fails, and says so`, !ok && words.test(said));
  const nothing = owesDel ? "no interface, no rule" : "no interface, no rule, no record";
  setup.transcript.statement(`${about}: it leaves ${nothing}`, (await left()) === before);
}

/** The mark of the rule on an address, `0x10/0xff`; undefined where there is none. */
export async function markOn(
  { topology: { node } }: Fixture,
  address: string,
): Promise<string | undefined> {
  const tool = address.includes(":") ? "ip6tables" : "iptables";
  const rules = await node.must([tool, "-w", "-t", "mangle", "-S"]);
  const own = rules.split("\n").filter((rule) => rule.includes(` ${address}/`));
  return own.map((rule) => /--set-xmark (\S+)/.exec(rule)?.[1]).find((mark) => mark !== "0x0/0xff");
}

/** That the pod's packets leave by the gateway, by each family that it has. */
export async function stateWay(
  { setup }: Fixture,
  { machine, addresses }: Tenant,
  { machine: gateway, outside }: Way,
): Promise<void> {
  for (const address of addresses) {
    const at = address.includes(":") ? 1 : 0;
    const { from } = await call(setup, machine, target(SERVER[at], 80));
    setup.transcript.statement(
      `${machine.name} leaves by ${gateway.name}${at === 1 ? " (IPv6)" : ""}`,
      from === outside[at],
    );
  }
}

/** DEL, and that it leaves no rule on the pod's addresses. Returns whether it succeeded. */
export async function detach(fixture: Fixture, { machine, addresses }: Tenant): Promise<boolean> {
  const { ok } = await fixture.runtime.del(machine);
  const marks = await Promise.all(addresses.map((address) => markOn(fixture, address)));
  fixture.setup.transcript.statement(
    `no rule is on ${addresses.join(", ")} any more`,
    marks.every((mark) => mark === undefined),
  );
  return ok;
}
