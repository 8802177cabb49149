/** How managed marks are recognised: by a hash of the attachment's key at the end of their comment. */
import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex } from "@noble/hashes/utils";
import type { AttachmentKey } from "../cni/request";

const PREFIX = "tenant-routing";
/** A native nft comment may have 128 bytes; iptables cuts at 255 without a word. */
const MAX_COMMENT = 127;
const COMMENT = /^tenant-routing (\S+) ([0-9a-f]{8}-[0-9a-f]{24})$/;

/** A request asks for the tag of its attachment a dozen times. */
const tags = new Map<string, string>();
/** More than the requests at a time, and the pods of most nodes (0.2 KB each). */
const KEPT = 1000;

/** Common beginning of the tags of one network, so that GC finds its marks without any record. */
export function networkPrefix(network: string): string {
  return `${hash(network).slice(0, 8)}-`;
}

/** The attachment's tag: distinct for distinct keys, however long they are. */
export function attachmentTag(key: AttachmentKey): string {
  const text = JSON.stringify([key.network, key.containerId, key.ifname]);
  const known = tags.get(text);
  if (known !== undefined) return known;
  const tag = networkPrefix(key.network) + hash(text).slice(0, 24);
  if (tags.size >= KEPT) tags.clear();
  tags.set(text, tag);
  return tag;
}

/** The comment, at most 127 bytes of plain characters; the label is for people and may be cut. */
export function formatComment(label: string, tag: string): string {
  const room = MAX_COMMENT - PREFIX.length - tag.length - 2;
  const plain = label.replace(/[^A-Za-z0-9./_-]/g, "_").slice(0, room);
  return `${PREFIX} ${plain === "" ? "-" : plain} ${tag}`;
}

/** Label and tag of a managed comment; undefined for a foreign one. */
export function parseComment(comment: string): { label: string; tag: string } | undefined {
  const match = COMMENT.exec(comment);
  return match === null ? undefined : { label: match[1] ?? "", tag: match[2] ?? "" };
}

// Not node:crypto: loading it takes 4 to 5 ms, a tenth of a whole ADD (decision 0028).
function hash(text: string): string {
  return bytesToHex(sha256(text));
}
