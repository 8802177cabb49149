/** The configuration reference of docs/configuration.md, written from the schema. */
import { ownProperties } from "./plugin";
import { delegate, marks, tenants } from "./parts";
import { router, routes } from "./routes";
import type { Schema } from "./shared";

const tenant = tenants.additionalProperties as Schema;
const gateway = tenant.properties?.["gateways"]?.items ?? {};
const tenantRoute = tenant.properties?.["routes"]?.items ?? {};
const mark = marks.additionalProperties as Schema;
const nodeRoute = routes.properties?.["nodeRoutes"]?.items ?? {};
const link = routes.properties?.["links"]?.additionalProperties as Schema;
const uplink = router.properties?.["uplinks"]?.additionalProperties as Schema;

/** The objects, each with its title, in the order of the reference. */
const OBJECTS: readonly (readonly [title: string, schema: Schema, after?: string])[] = [
  ["Plugin object", { properties: ownProperties }],
  ["`delegate`", delegate, "Every other key of `delegate` goes to that plugin as it is."],
  ["`tenants.<name>`", tenant],
  ["`tenants.<name>.gateways[]`", gateway],
  ["`tenants.<name>.routes[]`", tenantRoute],
  ["`marks.<name>`", mark],
  ["`routes`", routes],
  ["`routes.nodeRoutes[]`", nodeRoute],
  ["`routes.links.<name>`", link],
  ["`routes.watch`", routes.properties?.["watch"] ?? {}],
  ["`router`", router],
  ["`router.uplinks.<tenant>`", uplink],
];

/** Markdown: one table for the plugin object and one for each object inside it. */
export function configReference(): string {
  return OBJECTS.flatMap(([title, { properties = {}, required = [] }, after]) => [
    table(title, properties, required),
    ...(after === undefined ? [] : [after]),
  ]).join("\n\n");
}

function table(
  title: string,
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
): string {
  const rows = Object.entries(properties).map(([key, schema]) => {
    const byDefault = required.includes(key) ? "required" : defaultText(schema);
    return `| \`${key}\` | ${typeText(schema)} | ${byDefault} | ${cell(schema.description ?? "")} |`;
  });
  return [
    `### ${title}`,
    "",
    "| Key | Type | Default | Meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function typeText(schema: Schema): string {
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  return [schema.type ?? "any"]
    .flat()
    .map((type) => (type === "array" ? listText(schema) : type))
    .join(" or ");
}

function listText({ items }: Schema): string {
  return items?.type === "string" ? "list of strings" : "list of objects";
}

function defaultText({ default: value }: Schema): string {
  return value === undefined || (typeof value === "object" && !Array.isArray(value))
    ? ""
    : `\`${JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
