/** Pure: who may see pages that name pods. */
import { isIP } from "node:net";

/** How somebody has asked. */
export interface Asked {
  /** The Host header. */
  readonly host: string | undefined;
  /** Where the connection came to; undefined: to the agent's own socket. */
  readonly localAddress: string | undefined;
}

/** Names that no web page of elsewhere can have; `agent` is what people write for the socket. */
const NAMES = ["localhost", "agent"];
const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/**
 * Why this one is refused; undefined: he is not. Who comes over the network is, for the address may be open for
 * scrapers; so is a name that may be anybody's: a web page whose name is made to lead to 127.0.0.1 (DNS rebinding) has
 * its own name there, as everything else that a browser asks for.
 */
export function refusalOf({ host, localAddress }: Asked): string | undefined {
  if (localAddress !== undefined && !LOOPBACK.test(localAddress))
    return "the page is for this machine alone: ssh -L 9750:/run/tenant-routing/agent.sock NODE brings the agent's socket to yours";
  if (host === undefined || isOwnName(host)) return undefined;
  return "ask for it by an address or as localhost: another name may be a web page of elsewhere";
}

function isOwnName(host: string): boolean {
  const [, inBrackets, name = inBrackets ?? ""] =
    /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? [];
  return isIP(name) !== 0 || NAMES.includes(name.toLowerCase());
}
