/**
 * What a journal record says, as bytes and as a value. Reading trusts nothing: whatever is not
 * exactly what we write is `corrupt`, so that nobody further on stumbles over it.
 */
import type { AttachmentKey, PodRef } from "../cni/request";
import type { Mark } from "../net/mark";
import { CniError } from "../cni/error";
import { isObject, own, parseJson, type Json, type JsonObject } from "../cni/json";
import { attachmentTag } from "../marks/tag";
import type { ChosenAnnotation } from "./facts";

export type AttachmentState = "intent" | "complete" | "deleting";

/** A request, and the wrapper process that works on it. */
export interface Owner {
  readonly pid: number;
  /** "": the request has ended without finishing its work, and nobody is at it. */
  readonly startTime: string;
  /** Unique within the process. Absent in records of older versions, whose processes served one each. */
  readonly request?: string;
}

export interface Attachment {
  readonly format: 1;
  readonly state: AttachmentState;
  readonly key: AttachmentKey;
  readonly netns: string;
  /** From where the ADD saw that path (lib/node/sandbox); absent in records of older versions. */
  readonly seenFrom?: string;
  /** Who wrote the intent or is deleting; tells one that has died from one at work. */
  readonly owner: Owner;
  /** Written by a DEL that found no record, to keep an ADD away while it works. What is to undo is not in it. */
  readonly unknown?: true;
  readonly pod?: PodRef;
  readonly tenant?: string;
  readonly mark?: Mark;
  readonly markReplies?: boolean;
  /** For people: where the mark came from, e.g. `pod annotation tenant.routing/fwmark`. */
  readonly source?: string;
  /** The annotation that decided, for an agent that has no API server to ask. Absent in records of older versions. */
  readonly annotation?: ChosenAnnotation;
  readonly addresses: readonly string[];
  /** Where its marks are: a place of a backend. One that this version does not know means: look everywhere. */
  readonly backend?: string;
  /**
   * The delegate's netconf as it was really used: merge patch applied, nothing injected
   * (decision 0006). Absent: chained mode.
   */
  readonly delegate?: JsonObject;
  /** The delegate's result in the config's version, for a DEL that comes without prevResult. Left out when it is too large. */
  readonly result?: JsonObject;
  readonly cniVersion: string;
  /** Directories of the ADD's CNI_PATH, where the delegate was found. Absent in records of older versions. */
  readonly cniPath?: readonly string[];
  /** ISO 8601, for people. */
  readonly since: string;
}

/** What reading one record gave; `corrupt` says why the file cannot be used. */
export type JournalRecord =
  { readonly attachment: Attachment } | { readonly corrupt: string } | undefined;

/** Bytes of the largest record that is written or read. */
export const MAX_RECORD = 1024 * 1024;

/** Bytes that an intent leaves free for what its outcome adds: 64 addresses and the place of the marks. */
const ROOM_FOR_OUTCOME = 4096;

/**
 * The record's text, without the result when that makes it too large: only a DEL without prevResult
 * has a use for it, and must do without one anyway (SPEC.md, "DEL"). Throws CniError `journal` for
 * a record that could not be read again all the same.
 */
export function encodeRecord(attachment: Attachment): string {
  const limit = attachment.state === "intent" ? MAX_RECORD - ROOM_FOR_OUTCOME : MAX_RECORD;
  const text = JSON.stringify(attachment);
  if (Buffer.byteLength(text) <= limit) return text;
  const { result: _result, ...needed } = attachment;
  const shorter = JSON.stringify(needed);
  const size = Buffer.byteLength(shorter);
  if (size <= limit) return shorter;
  throw new CniError(
    "journal",
    `the record of container ${attachment.key.containerId} would have ${size} bytes, more than ${limit}: ` +
      `nearly all of it is the delegate's netconf, which has to be smaller`,
  );
}

/**
 * Reads the record that is kept under `tag`. Torn, empty or foreign content, and the record of
 * another attachment, are not an error: DEL must go on by tag.
 */
export function decodeRecord(bytes: Uint8Array, tag: string): JournalRecord {
  if (bytes.byteLength > MAX_RECORD) return { corrupt: "larger than 1 MiB" };
  try {
    const value = parseJson(bytes, "journal record");
    if (!isObject(value)) return { corrupt: "not an attachment record of this version" };
    const wrong = Object.entries(FIELDS).find(([field, isRight]) => !isRight(own(value, field)));
    if (wrong !== undefined)
      return { corrupt: `not an attachment record of this version: see its "${wrong[0]}"` };
    const attachment = value as JsonObject & Attachment;
    return attachmentTag(attachment.key) === tag
      ? { attachment }
      : { corrupt: `its "key" is another attachment's` };
  } catch (error) {
    return { corrupt: (error as Error).message };
  }
}

/** The characters of a container's ID that people copy: crictl prints 13. */
const SHORT_ID = 12;

/** True when a person means this attachment by `name`: `namespace/pod`, or its container's ID or the beginning of that. */
export function isNamed({ key, pod }: Pick<Attachment, "key" | "pod">, name: string): boolean {
  if (name.includes("/")) return pod !== undefined && `${pod.namespace}/${pod.name}` === name;
  return key.containerId === name || (name.length >= SHORT_ID && key.containerId.startsWith(name));
}

type Check = (value: Json | undefined) => boolean;
const isString: Check = (value) => typeof value === "string";
const isStrings: Check = (value) => Array.isArray(value) && value.every(isString);
const isUint32: Check = (value) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
const oneOf =
  (...values: Json[]): Check =>
  (value) =>
    value !== undefined && values.includes(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const object =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(fields).every(([field, check]) => check(own(value, field)));
/** A plugin's file name; any other would make every DEL fail. */
const isPluginType: Check = (value) =>
  typeof value === "string" &&
  !["", ".", ".."].includes(value) &&
  !/[/\u0000-\u001f\u007f]/.test(value);

const FIELDS: Readonly<Record<keyof Attachment, Check>> = {
  format: oneOf(1),
  state: oneOf("intent", "complete", "deleting"),
  key: object({ network: isString, containerId: isString, ifname: isString }),
  netns: isString,
  seenFrom: optional(isString),
  owner: object({ pid: isUint32, startTime: isString, request: optional(isString) }),
  unknown: optional(oneOf(true)),
  pod: optional(object({ namespace: isString, name: isString, uid: optional(isString) })),
  tenant: optional(isString),
  mark: optional(object({ value: isUint32, mask: isUint32 })),
  markReplies: optional(oneOf(true, false)),
  source: optional(isString),
  annotation: optional(
    object({ key: isString, value: isString, source: oneOf("pod", "namespace") }),
  ),
  addresses: isStrings,
  backend: optional(isString),
  delegate: optional(object({ type: isPluginType })),
  result: optional(object({})),
  cniVersion: isString,
  cniPath: optional(isStrings),
  since: isString,
};
