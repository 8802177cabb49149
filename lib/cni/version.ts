import { CniError } from "./error";

/** The CNI versions we speak, oldest first. Match is exact string equality, as in libcni. */
export const SUPPORTED_VERSIONS = [
  "0.1.0",
  "0.2.0",
  "0.3.0",
  "0.3.1",
  "0.4.0",
  "1.0.0",
  "1.1.0",
] as const;
export type CniVersion = (typeof SUPPORTED_VERSIONS)[number];

/** What a netconf without cniVersion means (pkg/types/create: "0.1.0"). */
export const IMPLIED_VERSION: CniVersion = "0.1.0";

/** True when the version is one that we speak. */
export function isSupported(version: string): version is CniVersion {
  return (SUPPORTED_VERSIONS as readonly string[]).includes(version);
}

/** Orders two supported versions by age. */
export function atLeast(version: CniVersion, minimum: CniVersion): boolean {
  return SUPPORTED_VERSIONS.indexOf(version) >= SUPPORTED_VERSIONS.indexOf(minimum);
}

/** The answer to VERSION, in the field order of the reference implementation. */
export function versionJson(): string {
  return JSON.stringify({
    cniVersion: SUPPORTED_VERSIONS.at(-1),
    supportedVersions: SUPPORTED_VERSIONS,
  });
}

/** Throws CniError `incompatibleVersion` unless the version is supported. */
export function checkSupported(version: string): asserts version is CniVersion {
  if (isSupported(version)) return;
  throw new CniError("incompatibleVersion", "incompatible CNI versions", {
    details: `config is ${JSON.stringify(version).slice(0, 64)}, plugin supports ${JSON.stringify(SUPPORTED_VERSIONS)}`,
  });
}
