/** conf/agent-api.schema.json, for what the agent answers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";

const read = (name: string): object =>
  JSON.parse(readFileSync(join(__dirname, "../../../../../conf", name), "utf8")) as object;
const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });
ajv.addSchema(read("status.schema.json"), "status.schema.json");
ajv.addSchema(read("agent-api.schema.json"));

/** What of the answer of /api/v1/NAME is not as the schema has it. */
export function apiProblems(name: "node" | "findings" | "events", answer: unknown): unknown {
  const ref = `agent-api.schema.json#/definitions/${name}`;
  ajv.validate({ $ref: ref }, answer);
  return ajv.errors ?? [];
}
