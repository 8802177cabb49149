/** The page and what is behind it, by their paths. */
import type { StatusObject } from "../../checks/report/json";
import type { Page, Site } from "../metrics/http";
import type { EventObject } from "./events";
import type { NodeObject } from "./node-object";
import { HTML, SCRIPT_HASH, STYLE_HASH } from "./page.generated";

/** /api/v1/findings. */
export interface FindingsObject {
  /** When the last look ended; null: none has yet. */
  readonly time: string | null;
  /** Why the last look came to nothing; null: it did not. */
  readonly problem: string | null;
  /** As conf/status.schema.json has it. */
  readonly report: StatusObject | null;
}

/** /api/v1/events. */
export interface EventsObject {
  /** The oldest first. */
  readonly events: readonly EventObject[];
}

export interface SiteSources {
  readonly node: () => Promise<NodeObject>;
  /** What is known now; never waits. */
  readonly findings: () => FindingsObject;
  readonly events: () => EventsObject;
}

/** Nothing from elsewhere, nothing but this very script and style, and no text that becomes markup. */
const POLICY = [
  "default-src 'none'",
  `script-src '${SCRIPT_HASH}'`,
  `style-src '${STYLE_HASH}'`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const FOR_ITSELF = {
  // Connections have limits that a page which asks for hours would meet in the middle of an answer.
  connection: "close",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
};

/** The page at `/`, and its JSON under `/api/v1`. */
export function createSite({ node, findings, events }: SiteSources): Site {
  return {
    "/": () => ({
      ...{ status: 200, type: "text/html; charset=utf-8", text: HTML },
      headers: { ...FOR_ITSELF, "content-security-policy": POLICY },
    }),
    "/api/v1/node": async () => json(await node()),
    "/api/v1/findings": () => json(findings()),
    "/api/v1/events": () => json(events()),
  };
}

function json(value: object): Page {
  return {
    ...{ status: 200, type: "application/json", text: `${JSON.stringify(value)}\n` },
    headers: { ...FOR_ITSELF, "content-security-policy": "default-src 'none'" },
  };
}
