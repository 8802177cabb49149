import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { issueCertificate, makeAuthority, type KeyPair, type Dates } from "./openssl";

/** What the server shows: a good certificate, or one of the ways in which it can be bad. */
export const SERVING_CERTS = ["valid", "expired", "other-name", "other-ca"] as const;
export type ServingCert = (typeof SERVING_CERTS)[number];

export interface PkiOptions {
  /** Where the CA and the kubelet's files live; a CA found there is used again. */
  readonly dir: string;
  readonly nodeName: string;
  /** Names and IP addresses of the server. */
  readonly names: readonly string[];
}

const SERVICE_NAMES = [
  "localhost",
  "127.0.0.1",
  "::1",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
];

/** The cluster's certificates. Everything but the CA is made when it is first asked for. */
export class Pki {
  readonly ca: KeyPair;
  /** The symlink that kubelet.conf names; certificate and key in one file, as the kubelet keeps them. */
  readonly kubeletClientPath: string;
  readonly #options: PkiOptions;
  #otherCa: KeyPair | undefined;
  #currentClient: string | undefined;
  #rotations = 0;

  constructor(options: PkiOptions) {
    this.#options = options;
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    this.kubeletClientPath = join(this.#dir, "kubelet-client-current.pem");
    this.ca = this.#authority("ca", "kubernetes");
  }

  /** Path of the CA certificate. */
  get caPath(): string {
    return join(this.#dir, "ca.crt");
  }

  /** A CA of the same name that this cluster does not trust. */
  get otherCa(): KeyPair {
    this.#otherCa ??= this.#authority("other-ca", "kubernetes");
    return this.#otherCa;
  }

  /** The server's own certificate in one of its states. */
  serving(state: ServingCert): KeyPair {
    const names = [...new Set([...SERVICE_NAMES, ...this.#options.names])];
    return issueCertificate(state === "other-ca" ? this.otherCa : this.ca, {
      commonName: "kube-apiserver",
      altNames: state === "other-name" ? ["DNS:elsewhere.example"] : names.map(altName),
      usage: "serverAuth",
      expired: state === "expired",
    });
  }

  /** A kubelet's client certificate; by default a good one of this node. */
  kubelet(
    options: { nodeName?: string; expired?: boolean; ca?: KeyPair; dates?: Dates } = {},
  ): KeyPair {
    return issueCertificate(options.ca ?? this.ca, {
      commonName: `system:node:${options.nodeName ?? this.#options.nodeName}`,
      organizations: ["system:nodes"],
      usage: "clientAuth",
      expired: options.expired ?? false,
      ...(options.dates && { dates: options.dates }),
    });
  }

  /** A client certificate of group system:masters, which may do everything. */
  admin(): KeyPair {
    return issueCertificate(this.ca, {
      commonName: "kubernetes-admin",
      organizations: ["system:masters"],
      usage: "clientAuth",
    });
  }

  /**
   * Rotates as the kubelet does: a new file, then the symlink is replaced in one step. Returns the
   * new file. The old file stays unless `removeOld` (a reader that resolved the link earlier then
   * meets a missing file). `expired` puts a certificate there that was never renewed, `dates` one of other days.
   */
  rotateKubeletClient(
    options: { expired?: boolean; removeOld?: boolean; dates?: Dates } = {},
  ): string {
    const file = join(this.#dir, `kubelet-client-${Date.now()}-${++this.#rotations}.pem`);
    const { expired = false, dates } = options;
    const pair = this.kubelet({ expired, ...(dates && { dates }) });
    writeFileSync(file, pair.cert + pair.key, { mode: 0o600 });
    symlinkSync(file, `${this.kubeletClientPath}.new`);
    renameSync(`${this.kubeletClientPath}.new`, this.kubeletClientPath);
    if (options.removeOld === true && this.#currentClient !== undefined)
      rmSync(this.#currentClient);
    this.#currentClient = file;
    return file;
  }

  get #dir(): string {
    return join(this.#options.dir, "pki");
  }

  #authority(file: string, commonName: string): KeyPair {
    const path = (suffix: string): string => join(this.#dir, `${file}.${suffix}`);
    if (!existsSync(path("key"))) {
      const made = makeAuthority(commonName);
      writeFileSync(path("crt"), made.cert);
      writeFileSync(path("key"), made.key, { mode: 0o600 });
    }
    return { cert: readFileSync(path("crt"), "utf8"), key: readFileSync(path("key"), "utf8") };
  }
}

const altName = (name: string): string => (isIP(name) === 0 ? `DNS:${name}` : `IP:${name}`);
