/** What connects the machines of a lab: cables, bridges, addresses, routes. */
import type { Machine } from "./machines";

/** One end of a cable. */
export interface Plug {
  readonly on: Machine;
  /** At most 15 characters. */
  readonly dev: string;
  /** `address/length`, both families. */
  readonly addresses?: readonly string[];
  /** The bridge of the machine that it becomes a port of. */
  readonly bridge?: string;
  readonly mtu?: number;
}

/** A cable between two machines, both ends up. */
export async function cable(one: Plug, other: Plug): Promise<void> {
  await one.on.ip(`link add ${one.dev} type veth peer name ${other.dev} netns ${other.on.netns}`);
  for (const plug of [one, other]) await setUp(plug);
}

async function setUp({ on, dev, addresses = [], bridge, mtu }: Plug): Promise<void> {
  if (mtu !== undefined) await on.ip(`link set ${dev} mtu ${mtu}`);
  if (bridge !== undefined) await on.ip(`link set ${dev} master ${bridge}`);
  await addAddresses(on, dev, addresses);
  await on.ip(`link set ${dev} up`);
}

/** A bridge on a machine, up, with its addresses. */
export async function addBridge(
  machine: Machine,
  dev: string,
  addresses: readonly string[] = [],
): Promise<void> {
  await machine.ip(`link add ${dev} type bridge`);
  await setUp({ on: machine, dev, addresses });
}

/** Addresses of a device, usable at once. */
export async function addAddresses(
  machine: Machine,
  dev: string,
  addresses: readonly string[],
): Promise<void> {
  for (const address of addresses)
    await machine.ip(`addr add ${address} dev ${dev}${address.includes(":") ? " nodad" : ""}`);
}

/** A route for each destination, by the next hop of its family: `addRoutes(gw, ["default"], "10.0.0.1", "fd00::1")`. */
export async function addRoutes(
  machine: Machine,
  destinations: readonly string[],
  ...vias: readonly string[]
): Promise<void> {
  for (const via of vias) {
    const family = via.includes(":") ? 6 : 4;
    const mine = destinations.filter(
      (dst) => dst === "default" || dst.includes(":") === (family === 6),
    );
    for (const dst of mine) await machine.ip(`-${family} route add ${dst} via ${via}`);
  }
}

/** Hides what leaves by the device behind the device's own address, both families. */
export async function masquerade(machine: Machine, dev: string): Promise<void> {
  const rules = `table inet lab-nat { chain post { type nat hook postrouting priority srcnat; policy accept; oifname "${dev}" masquerade; }; }\n`;
  await machine.must(["nft", "-f", "-"], { stdin: rules });
}
