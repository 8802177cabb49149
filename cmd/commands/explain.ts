import { familiesOf, type Family } from "../../lib/net/family";
import { CniError } from "../../lib/cni/error";
import { shellWord } from "../../lib/text/shell";
import { outside, parseDestination } from "../../lib/explain/destination";
import { explain } from "../../lib/explain/explain";
import { liveStep } from "../../lib/explain/live";
import { findingsIn } from "../../lib/explain/step";
import type { Destination, Explanation } from "../../lib/explain/model";
import { readGround, readPath, type Ground } from "../../lib/explain/node/gather";
import { probeLive } from "../../lib/explain/node/live";
import type { ExplainNode } from "../../lib/explain/node/gather";
import { EXIT_FAILED, EXIT_WRONG, type Values } from "../command";
import { findConf } from "../conflist";
import { openExplain } from "../explain/node";
import { explainFormat, print } from "../explain/output";
import { namedPod } from "../explain/pod";
import type { Io } from "../io";
import { withSignOfLife } from "../screen/waiting";

/**
 * `wrapper explain NAMESPACE/POD [DEST[:PORT]]`: the way of one new connection. Returns 0 when nothing is
 * wrong on it, 1 when something is, 2 when a real packet left the node as it should and was not answered: what
 * is beyond cannot be seen from here. Throws when it could not look.
 */
export async function explainCommand(
  io: Io,
  positionals: readonly string[],
  values: Values,
): Promise<number> {
  const format = explainFormat(values);
  const [name, text] = wordsOf(positionals);
  const wanted = text === undefined ? undefined : parseDestination(text);
  const { conf, path, warnings } = findConf(values.conf);
  for (const warning of warnings) io.stderr(`${path}: ${warning}\n`);
  const option = values.conf === undefined ? "" : ` --conf ${shellWord(values.conf)}`;
  const log = { write: (_level: string, message: string) => io.stderr(`${message}\n`) };
  const { node, explain: through } = openExplain(conf, option, log);
  const { facts, attachment } = await withSignOfLife(`looking for ${name}`, () =>
    namedPod(node, conf.kubeconfig !== undefined, name),
  );
  const addresses = attachment?.addresses ?? [];
  const destinations = wanted === undefined ? outsideOf(addresses) : [wanted];
  const ground = await withSignOfLife("reading rules and routes", () =>
    readGround(through, facts, attachment),
  );
  const live = values.live === true;
  const explanations: Explanation[] = [];
  for (const to of destinations) {
    const from = addresses.find((address) => familiesOf([address])[0] === to.family);
    refuseFamily(facts.pod, addresses, to);
    const what = live ? `sending a packet to ${to.address}` : `following a packet to ${to.address}`;
    const way = () => explainWay(through, ground, { from, to }, live);
    explanations.push(await withSignOfLife(what, way));
  }
  print(io, format, path, explanations);
  return statusOf(explanations);
}

function statusOf(explanations: readonly Explanation[]): number {
  if (explanations.some(({ state }) => state === "failed")) return EXIT_WRONG;
  return explanations.some(isUnanswered) ? EXIT_FAILED : 0;
}

function isUnanswered({ steps }: Explanation): boolean {
  return findingsIn(steps).some(({ kind }) => kind === "path-no-answer");
}

function wordsOf([name, text, ...more]: readonly string[]): readonly [string, string | undefined] {
  if (name === undefined || more.length > 0)
    throw new CniError(
      "invalidEnvironment",
      "name one pod, as NAMESPACE/POD or by its container's ID, and at most one destination",
    );
  return [name, text];
}

/** Both families that the pod has; IPv4 for one without addresses of its own. */
function outsideOf(addresses: readonly string[]): readonly Destination[] {
  const families = familiesOf(addresses);
  const known: readonly Family[] = families.length === 0 ? [4] : families;
  return outside(known);
}

function refuseFamily(pod: string, addresses: readonly string[], { family }: Destination): void {
  if (addresses.length === 0 || familiesOf(addresses).includes(family)) return;
  throw new CniError(
    "invalidEnvironment",
    `${pod} has no IPv${family} address: its addresses are ${addresses.join(", ")}`,
  );
}

async function explainWay(
  node: ExplainNode,
  ground: Ground,
  ends: { readonly from: string | undefined; readonly to: Destination },
  live: boolean,
): Promise<Explanation> {
  const facts = await readPath(node, ground, ends);
  if (!live) return explain(facts);
  return explain(facts, [liveStep(await probeLive(node, ground, facts))]);
}
