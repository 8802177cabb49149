/** `wrapper lab probe ...`: what the labs run inside their machines, so that they need no curl and no nc. */
import { CniError } from "../../../cni/error";
import { call } from "./caller";
import { flood } from "./flooder";
import { respond } from "./responder";

/** Where the outcome goes. */
interface Printer {
  readonly stdout: (text: string) => void;
}

/** What runs until it is killed. */
const SERVERS: Readonly<Record<string, (args: readonly string[]) => Promise<never>>> = {
  respond: ([name = "", port, ready = ""]) => respond(name, Number(port), ready),
  flood: ([port, ...addresses]) => flood(Number(port), addresses),
  addresses: async ([port, dir = "", ready = ""]) => {
    const { serveAddresses } = await import("./address-server");
    return serveAddresses(Number(port), dir, ready);
  },
};

/**
 * `respond NAME PORT READY-FILE`, `flood PORT ADDRESS...`, `addresses PORT DIR READY-FILE`, or `call JSON` (a CallRequest),
 * which prints a CallOutcome as JSON and returns 0 when there was an answer, else 1.
 */
export async function probeCommand(
  printer: Printer,
  [what = "", ...args]: readonly string[],
): Promise<number> {
  const serve = SERVERS[what];
  if (serve !== undefined) return serve(args);
  if (what !== "call")
    throw new CniError(
      "invalidEnvironment",
      `unknown probe "${what}": the labs use respond, flood, addresses and call`,
    );
  const outcome = await call(JSON.parse(args[0] ?? "") as Parameters<typeof call>[0]);
  printer.stdout(`${JSON.stringify(outcome)}\n`);
  return outcome.error === "" ? 0 : 1;
}
