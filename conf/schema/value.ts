import type { Json, JsonObject } from "../../lib/cni/json";

/**
 * What a value that satisfies the schema `S` is, once the defaults are in: a key is there when it is
 * required or has a default. A schema that says nothing of a type allows any JSON.
 */
export type ValueOf<S> = S extends { readonly enum: readonly (infer Choice)[] }
  ? Choice
  : S extends { readonly type: infer Type }
    ? ValueOfType<Type extends readonly (infer Each)[] ? Each : Type, S>
    : Json;

type ValueOfType<Type, S> = Type extends "string"
  ? string
  : Type extends "integer"
    ? number
    : Type extends "boolean"
      ? boolean
      : Type extends "null"
        ? null
        : Type extends "array"
          ? readonly ItemOf<S>[]
          : ObjectOf<S>;

type ItemOf<S> = S extends { readonly items: infer Item } ? ValueOf<Item> : Json;

type ObjectOf<S> = S extends { readonly properties: infer P }
  ? S extends { readonly additionalProperties: false }
    ? Fields<P, PresentIn<S, P>>
    : JsonObject & Fields<P, PresentIn<S, P>>
  : S extends { readonly additionalProperties: infer Each extends object }
    ? Readonly<Record<string, ValueOf<Each>>>
    : JsonObject;

type PresentIn<S, P> =
  | (S extends { readonly required: readonly (infer Name)[] } ? Name : never)
  | { [K in keyof P]: P[K] extends { readonly default: unknown } ? K : never }[keyof P];

type Fields<P, Present> = Simplified<
  { readonly [K in keyof P as K extends Present ? K : never]: ValueOf<P[K]> } & {
    readonly [K in keyof P as K extends Present ? never : K]?: ValueOf<P[K]>;
  }
>;

type Simplified<T> = { [K in keyof T]: T[K] };
