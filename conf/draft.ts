/** The plugin object once it satisfies the schema: defaults are in, values are still as written. */
import type { Json } from "../lib/cni/json";
import type { pluginSchema } from "./schema/plugin";
import type { ValueOf } from "./schema/value";

export type Draft = ValueOf<typeof pluginSchema> & {
  readonly [cniKey: `cni.dev/${string}`]: Json | undefined;
};
export type DraftTenant = NonNullable<Draft["tenants"]>[string];
export type DraftMark = NonNullable<Draft["marks"]>[string];
export type DraftRouter = NonNullable<Draft["router"]>;
export type DraftUplink = DraftRouter["uplinks"][string];
export type DraftLink = NonNullable<Draft["routes"]["links"]>[string];
