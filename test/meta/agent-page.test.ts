/** docs/agent-page.md and the published schema against the code. */
import { createSite } from "../../lib/agent/page/site";
import { read } from "../helpers/pages";

const PAGE = read("docs/agent-page.md");
const { definitions } = JSON.parse(read("conf/agent-api.schema.json")) as {
  definitions: Readonly<
    Record<string, { readonly properties?: object; readonly required?: readonly string[] }>
  >;
};

/** Fields in the first column of the table that follows these words. */
function fieldsAfter(words: string): readonly string[] {
  const [, after = ""] = PAGE.split(`\n${words}\n`);
  const [table = ""] = after.split("| --- | --- |\n").slice(1);
  return table
    .split("\n\n")[0]!
    .split("\n")
    .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)(?:\[\])?`/g)])
    .map(([, field = ""]) => field);
}

test.each([
  ["### /api/v1/node", "node"],
  ["A group:", "group"],
  ["A pod:", "pod"],
  ["A gateway:", "gateway"],
  ["### /api/v1/findings", "findings"],
  ["### /api/v1/events", "events"],
  ["An event:", "event"],
])("%s has just the fields of the schema", (words, name) => {
  const { properties = {}, required = [] } = definitions[name] ?? {};
  expect([...fieldsAfter(words)].sort()).toEqual(Object.keys(properties).sort());
  expect([...required].sort()).toEqual(Object.keys(properties).sort());
});

test("every path of the agent's API is on the page, with a definition", () => {
  const never = () => {
    throw new Error("nobody asks");
  };
  const paths = Object.keys(createSite({ node: never, findings: never, events: never }));
  const named = [...PAGE.matchAll(/^### (\/api\/\S+)$/gm)].map(([, path]) => path);
  expect(named).toEqual(paths.filter((path) => path !== "/"));
  for (const path of named) expect(definitions).toHaveProperty(path?.split("/").at(-1) ?? "");
});
