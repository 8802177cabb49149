/** Pure: collisions of the node's routes as findings. */
import { COLLISIONS, type Collision } from "../../routes/conflicts/kinds";
import { collisionText } from "../../routes/conflicts/text";
import type { Finding } from "../finding";

/** Each collision with its code; its remedy is what its sentence ends with. */
export function collisionFindings(collisions: readonly Collision[]): readonly Finding[] {
  return collisions.map((collision) => {
    const { kind, tenant } = collision;
    const text = collisionText(collision);
    const end = text.indexOf(": ");
    const remedy = text.slice(end + 2);
    return {
      kind: `${kind}-collision`,
      code: COLLISIONS[kind].code,
      category: "routes",
      severity: "failed",
      fault: end === -1 ? text : text.slice(0, end),
      consequence: "wrapper routes apply and the agent refuse to make the routes",
      remedy: end === -1 ? "wrapper routes plan" : remedy.charAt(0).toUpperCase() + remedy.slice(1),
      subject: tenant,
    };
  });
}
