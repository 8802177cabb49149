/** Pure: what should be installed for an attachment against what is. */
import { formatMark, sameMark, type Mark } from "../net/mark";
import type { InstalledMark, MarkBackend, MarkPiece } from "../ports";
import type { Attachment } from "./journal";

/** One difference between an attachment's record and what is installed. */
export interface Drift {
  readonly kind: DriftKind;
  readonly address: string;
  /** What should be there, exactly once; undefined: nothing should. */
  readonly want: MarkPiece | undefined;
  /** What is there instead. */
  readonly have: readonly InstalledMark[];
}

/**
 * missing: nothing is there. double: more than one is. wrong-mark: it sets another mark, or something
 * else. unexpected: under the attachment's tag, and not needed. foreign: another attachment's, on one
 * of this one's addresses.
 */
export type DriftKind = "missing" | "double" | "wrong-mark" | "unexpected" | "foreign";

/** What should be installed for an attachment; nothing for one without a mark. */
export function wantedPieces(
  backend: Pick<MarkBackend, "pieces">,
  attachment: Attachment,
): readonly MarkPiece[] {
  const { mark, addresses, markReplies = false } = attachment;
  if (mark === undefined) return [];
  return backend.pieces({ mark, addresses, markReplies }, attachment.backend);
}

/** How the node differs from the record kept under `tag`. `installed`: all managed marks on the node. */
export function driftOf(
  { tag, attachment }: { readonly tag: string; readonly attachment: Attachment },
  backend: Pick<MarkBackend, "pieces">,
  installed: readonly InstalledMark[],
): readonly Drift[] {
  const mine = installed.filter((mark) => mark.tag === tag);
  const wanted = wantedPieces(backend, attachment);
  return [
    ...wanted.flatMap((want) => driftOfPiece(want, mine)),
    ...mine
      .filter((mark) => !wanted.some((want) => isFor(mark, want)))
      .map((mark) => surplus("unexpected", mark)),
    ...installed
      .filter((mark) => mark.tag !== tag && attachment.addresses.includes(mark.address))
      .map((mark) => surplus("foreign", mark)),
  ];
}

function driftOfPiece(want: MarkPiece, mine: readonly InstalledMark[]): readonly Drift[] {
  const { address } = want;
  const found = mine.filter((mark) => isFor(mark, want));
  if (found.length === 0) return [{ kind: "missing", address, want, have: [] }];
  const wrong = found.filter(({ mark }) => mark === undefined || !sameMark(mark, want.mark));
  return [
    ...(found.length > 1 ? [{ kind: "double" as const, address, want, have: found }] : []),
    ...wrong.map((mark): Drift => ({ kind: "wrong-mark", address, want, have: [mark] })),
  ];
}

function isFor(mark: InstalledMark, want: MarkPiece): boolean {
  return mark.address === want.address && mark.piece === want.piece;
}

function surplus(kind: "unexpected" | "foreign", mark: InstalledMark): Drift {
  return { kind, address: mark.address, want: undefined, have: [mark] };
}

/** For people: one clause that says what is wrong. */
export function driftText(drift: Drift): string {
  return TEXTS[drift.kind](drift);
}

const TEXTS: Readonly<Record<DriftKind, (drift: Drift) => string>> = {
  missing: (drift) => `${pieceName(drift)} is missing`,
  double: (drift) => `${pieceName(drift)} is there ${drift.have.length} times`,
  "wrong-mark": (drift) =>
    `${pieceName(drift)} sets ${markText(drift.have[0]?.mark)} instead of ${markText(drift.want?.mark)}`,
  unexpected: ({ address, have }) => `unexpected rule for ${address}: ${textOf(have)}`,
  foreign: ({ address, have }) =>
    `rule of another attachment (${have.map(({ label, tag }) => `${label} ${tag}`).join()}) on ${address}: ${textOf(have)}`,
};

function pieceName({ want, address }: Drift): string {
  return `${want?.piece ?? "rule"} for ${address}`;
}

function markText(mark: Mark | undefined): string {
  return mark === undefined ? "something else" : formatMark(mark);
}

function textOf(have: readonly InstalledMark[]): string {
  return have.map(({ text }) => text).join();
}
