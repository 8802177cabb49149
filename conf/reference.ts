/** The configuration reference of the README, written from the schema. */
import { ownProperties } from "./schema";
import { delegate, marks, tenants } from "./schema-parts";
import type { Schema } from "./schema-type";

const tenant = tenants.additionalProperties as Schema;
const gateway = tenant.properties?.["gateways"]?.items ?? {};
const mark = marks.additionalProperties as Schema;

/** Markdown: one table for the plugin object and one for each object inside it. */
export function configReference(): string {
  return [
    table("Plugin object", ownProperties, []),
    table("`delegate`", delegate.properties ?? {}, delegate.required ?? []),
    "Every other key of `delegate` goes to that plugin as it is.",
    table("`tenants.<name>`", tenant.properties ?? {}, tenant.required ?? []),
    table("`tenants.<name>.gateways[]`", gateway.properties ?? {}, []),
    table("`marks.<name>`", mark.properties ?? {}, mark.required ?? []),
  ].join("\n\n");
}

function table(title: string, properties: Readonly<Record<string, Schema>>, required: readonly string[]): string {
  const rows = Object.entries(properties).map(([key, schema]) => {
    const byDefault = required.includes(key) ? "required" : defaultText(schema);
    return `| \`${key}\` | ${typeText(schema)} | ${byDefault} | ${cell(schema.description ?? "")} |`;
  });
  return [`### ${title}`, "", "| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function typeText(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  return [schema.type ?? "any"].flat().map((type) => (type === "array" ? listText(schema) : type)).join(" or ");
}

function listText({ items }: Schema): string {
  return items?.type === "string" ? "list of strings" : "list of objects";
}

function defaultText({ default: value }: Schema): string {
  return value === undefined ? "" : `\`${JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
