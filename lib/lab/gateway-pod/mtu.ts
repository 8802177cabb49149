/** Full-size packets in the lab `gateway-pod`: what fits, what does not, and that nothing is cut in pieces. */
import { call, target } from "../kit/calls";
import { FAMILIES } from "../kit/families";
import type { Machine } from "../kit/machines";
import { countPackets, type Counter } from "../kit/packets";
import type { Fixture } from "./fixture";
import { SERVER, VXLAN_MTU, type Gateway } from "./topology";

/** IP and ICMP headers of a ping, IPv4 and IPv6. */
const PING_HEADERS = [28, 48] as const;
/** IP and TCP headers. */
const TCP_HEADERS = [40, 60] as const;
const BULK = 3_000_000;

/** A ping of so many bytes, headers and all, that nobody may cut: what it says. */
async function ping(
  from: Machine,
  at: 0 | 1,
  bytes: number,
): Promise<{ ok: boolean; output: string }> {
  const command = [
    "ping",
    "-n",
    "-c",
    "1",
    "-W",
    "3",
    "-M",
    "do",
    "-s",
    String(bytes - PING_HEADERS[at]),
    SERVER[at],
  ];
  const { status, output } = await from.run(command);
  return { ok: status === 0, output };
}

async function showPing(
  { setup, client }: Fixture,
  at: 0 | 1,
  bytes: number,
): Promise<{ ok: boolean; output: string }> {
  const ran = await ping(client, at, bytes);
  const said = ran.output
    .split("\n")
    .filter((line) => /bytes from|mtu|too (?:long|big)|packet loss/i.test(line))
    .join("\n");
  setup.transcript.command(
    client.name,
    `ping -c 1 -M do -s ${bytes - PING_HEADERS[at]} ${SERVER[at]}`,
    said,
  );
  return ran;
}

/** The pod's interface has 1500. */
export async function checkTooLarge(fixture: Fixture): Promise<void> {
  for (const { name, at } of FAMILIES) {
    const { ok, output } = await showPing(fixture, at, 1500);
    fixture.setup.transcript.statement(
      `${name}: a packet of 1500 bytes that may not be cut is refused on the way, with the MTU that fits`,
      !ok && /mtu ?= ?1450/i.test(output),
    );
  }
}

/** Full-size packets get through as they are, and so do their answers: nobody on the way has to cut one or to refuse it. */
export async function checkNothingLost(fixture: Fixture, gateway: Gateway): Promise<void> {
  const { node1, node2, internet } = fixture.topology;
  const machines = [fixture.pod, node1, node2, gateway.machine, internet];
  const before = await Promise.all(machines.map(piecesOf));
  await checkFullSize(fixture);
  await checkTransfer(fixture, gateway);
  const after = await Promise.all(machines.map(piecesOf));
  const cut = after.map((count, at) => count - (before[at] ?? NaN));
  const counts = machines.map(({ name }, at) => `${name} ${cut[at] ?? NaN}`).join(", ");
  fixture.setup.transcript.statement(
    `no packet was cut or put together again, inside or outside the VXLAN (${counts})`,
    cut.every((count) => count === 0),
  );
}

/** What the pod may send arrives as it is, and it knows how much that is. */
async function checkFullSize(fixture: Fixture): Promise<void> {
  const { transcript } = fixture.setup;
  for (const { name, at } of FAMILIES) {
    const fits = await showPing(fixture, at, VXLAN_MTU);
    transcript.statement(
      `${name}: a packet of ${VXLAN_MTU} bytes that may not be cut arrives, and its answer`,
      fits.ok,
    );
    const large = await showPing(fixture, at, VXLAN_MTU + 1);
    transcript.statement(
      `${name}: one byte more does not leave the pod`,
      !large.ok &&
        !/^From /m.test(large.output) &&
        /message too long|mtu ?[:=]/i.test(large.output),
    );
  }
}

/** TCP both ways. */
async function checkTransfer(
  { setup, client, pod, topology: { internet } }: Fixture,
  { machine }: Gateway,
): Promise<void> {
  const { transcript } = setup;
  for (const { name, at, ip } of FAMILIES) {
    const segment = VXLAN_MTU - TCP_HEADERS[at];
    const agreed = await countPackets(
      machine,
      `iifname "net1" ${ip} daddr ${SERVER[at]} tcp option maxseg size ${segment}`,
    );
    const refusals = await Promise.all(
      [pod, machine, internet].map((on) =>
        countPackets(
          on,
          at === 0
            ? "icmp type destination-unreachable icmp code frag-needed"
            : "icmpv6 type packet-too-big",
        ),
      ),
    );
    const bulk = await call(setup, client, target(SERVER[at], 80), {
      upload: BULK,
      download: BULK,
      timeoutMs: 20_000,
    });
    transcript.statement(
      `${name}: ${BULK} bytes arrive each way by TCP`,
      bulk.ok && bulk.answer?.received === BULK && bulk.downloaded === BULK,
    );
    transcript.statement(
      `${name}: in segments of ${segment} bytes, and nobody had to be told that one is too large`,
      (await agreed.read()) > 0 && (await sum(refusals)) === 0,
    );
  }
}

async function sum(counters: readonly Counter[]): Promise<number> {
  const counts = await Promise.all(counters.map((counter) => counter.read()));
  return counts.reduce((total, count) => total + count, 0);
}

/** Fragments made and fragments received, since the machine was made. */
async function piecesOf(machine: Machine): Promise<number> {
  const text = await machine.must(["cat", "/proc/net/snmp", "/proc/net/snmp6"]);
  const [keys = "", values = ""] = text.split("\n").filter((line) => line.startsWith("Ip:"));
  const numbers = values.split(" ");
  const v4 = keys
    .split(" ")
    .flatMap((key, at) =>
      key === "ReasmReqds" || key === "FragCreates" ? [Number(numbers[at])] : [],
    );
  const v6 = [...text.matchAll(/^Ip6(?:ReasmReqds|FragCreates)\s+(\d+)$/gm)].map(([, count]) =>
    Number(count),
  );
  if (v4.length !== 2 || v6.length !== 2) return NaN;
  return [...v4, ...v6].reduce((total, count) => total + count, 0);
}
