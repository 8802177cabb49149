import { SUPPORTED_VERSIONS } from "../lib/cni/version";

declare const __VERSION__: string | undefined;
declare const __COMMIT__: string | undefined;
declare const __DATE__: string | undefined;

/** Stamped by the build; "unknown" when run from source. */
export const build = {
  version: typeof __VERSION__ === "string" ? __VERSION__ : "unknown",
  commit: typeof __COMMIT__ === "string" ? __COMMIT__ : "unknown",
  date: typeof __DATE__ === "string" ? __DATE__ : "unknown",
} as const;

/** What the binary says of itself without CNI_COMMAND, in the reference plugins' form. */
export function aboutText(): string {
  return (
    `CNI tenant-routing-wrapper ${build.version} (commit ${build.commit}, ${build.date})\n` +
    `CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(", ")}\n`
  );
}
