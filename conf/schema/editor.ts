import { pluginSchema } from "./plugin";

/**
 * The schema for editors: of a whole conflist, because that is the file people edit. Objects of
 * other plugins are left alone.
 */
export function editorSchema(): object {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "CNI conflist with tenant-routing-wrapper",
    type: "object",
    required: ["cniVersion", "name", "plugins"],
    properties: {
      $schema: { type: "string" },
      cniVersion: { type: "string", description: "CNI version of the list, such as 1.0.0." },
      name: {
        type: "string",
        description: "Network name; everything on the node is kept under it.",
      },
      plugins: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          required: ["type"],
          if: { properties: { type: { const: "tenant-routing-wrapper" } } },
          then: { $ref: "#/definitions/plugin" },
        },
      },
    },
    definitions: { plugin: pluginSchema },
  };
}
