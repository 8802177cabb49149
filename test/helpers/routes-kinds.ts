/** What is wrong on a node, as `wrapper routes` tells it. */
import {
  type CollisionKind,
  COLLISIONS,
  type FindingKind,
  FINDINGS,
} from "../../lib/routes/conflicts/kinds";
import { type RoutesNode, unwrapped } from "./routes-node";

export interface Case {
  /** Makes it so; `plan` with what is configured then finds it. */
  readonly provoke: () => void | Promise<void>;
  /** What the sentence has to name. */
  readonly names: string | RegExp;
  readonly problem?: true;
}

/** `plan` names it, with its code and what it is about. */
export async function expectFinding(
  node: RoutesNode,
  kind: FindingKind,
  { provoke, names, problem }: Case,
): Promise<void> {
  await provoke();
  const { stdout } = node.routes("plan");
  const title = `${problem === true ? "PROBLEM" : "warning"} ${kind}`;
  const line = lineOf(stdout, title);
  expect(line).toMatch(names);
  expect(line).toContain(`: ${FINDINGS[kind].code} `);
}

/** `plan` names it, `apply` changes nothing, and with `--force` goes ahead; `remove` restores the node. */
export async function expectCollision(
  node: RoutesNode,
  kind: CollisionKind,
  { provoke, names }: Case,
): Promise<void> {
  await provoke();
  const { status, stdout } = node.routes("plan");
  const line = lineOf(stdout, `COLLISION ${kind}`);
  expect(line).toMatch(names);
  expect(line).toContain(`: ${COLLISIONS[kind].code} `);
  expect(status).toBe(3);
  const before = node.snapshot();
  expect(node.routes("apply").status).toBe(3);
  expect(node.snapshot()).toBe(before);
  node.routes("apply", "--force");
  expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
  expect(node.routes("remove").status).toBe(0);
  expect(node.snapshot()).toBe(before);
}

/** Everything, where there is no such line. */
function lineOf(stdout: string, title: string): string {
  const lines = unwrapped(stdout).split("\n");
  return lines.find((line) => new RegExp(`^${title}[ :]`).test(line)) ?? stdout;
}
