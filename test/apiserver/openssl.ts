import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its private key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** In OpenSSL's form: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly altNames?: readonly string[];
  readonly usage: "clientAuth" | "serverAuth";
  /** Valid for one day in 2020. */
  readonly expired?: boolean;
  /** First and last moment, as OpenSSL writes them: `20200101000000Z`. */
  readonly dates?: Dates;
}

export type Dates = readonly [from: string, until: string];
const EXPIRED: Dates = ["20200101000000Z", "20200102000000Z"];

/** A new request with a new key, independent of the machine's own openssl.cnf. */
const NEW_REQUEST = [
  "req",
  "-new",
  "-config",
  "req.cnf",
  "-newkey",
  "ec",
  "-pkeyopt",
  "ec_paramgen_curve:prime256v1",
  "-nodes",
  "-keyout",
  "key.pem",
];

/** Makes a self-signed CA. Needs the openssl command (Debian package `openssl`), 1.1.1 or later. */
export function makeAuthority(commonName: string): KeyPair {
  return inScratch((run) => {
    run(
      ...NEW_REQUEST,
      "-x509",
      "-out",
      "cert.pem",
      "-days",
      "3650",
      ...[
        "-subj",
        `/CN=${commonName}`,
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "subjectKeyIdentifier=hash",
        "-addext",
        "keyUsage=critical,digitalSignature,keyCertSign,cRLSign",
      ],
    );
  });
}

/** Issues one certificate with a fresh P-256 key, about 30 ms. */
export function issueCertificate(authority: KeyPair, request: CertificateRequest): KeyPair {
  const { commonName, organizations = [], altNames = [], usage, expired = false } = request;
  const subject = [...organizations.map((name) => `/O=${name}`), `/CN=${commonName}`].join("");
  const extensions = [
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    `extendedKeyUsage=${usage}`,
    "authorityKeyIdentifier=keyid",
    ...(altNames.length === 0 ? [] : [`subjectAltName=${altNames.join(",")}`]),
  ];
  const given = request.dates ?? (expired ? EXPIRED : undefined);
  const dates =
    given === undefined ? ["-days", "365"] : ["-startdate", given[0], "-enddate", given[1]];
  return inScratch((run, write) => {
    write("ca.pem", authority.cert);
    write("ca.key", authority.key);
    write("index.txt", "");
    write("ca.cnf", CA_CONFIG);
    write("extensions.cnf", extensions.join("\n"));
    run(...NEW_REQUEST, "-subj", subject, "-out", "request.pem");
    run(
      "ca",
      "-config",
      "ca.cnf",
      "-batch",
      "-notext",
      "-preserveDN",
      "-extfile",
      "extensions.cnf",
      ...dates,
      ...["-in", "request.pem", "-out", "cert.pem"],
    );
  });
}

/** `openssl ca` because it is the one subcommand that can set a date in the past in every version. */
const CA_CONFIG = `
[ca]
default_ca = this
[this]
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
policy = subject
[subject]
organizationName = optional
commonName = supplied
`;

type Run = (...args: readonly string[]) => void;
type Write = (file: string, content: string) => void;

/** Runs the steps in a directory of their own and collects cert.pem and key.pem from it. */
function inScratch(steps: (run: Run, write: Write) => void): KeyPair {
  const cwd = mkdtempSync(join(tmpdir(), "apiserver-pki-"));
  try {
    writeFileSync(join(cwd, "req.cnf"), "[req]\ndistinguished_name = dn\n[dn]\n");
    steps(
      (...args) => void execFileSync("openssl", args, { cwd, stdio: ["ignore", "ignore", "pipe"] }),
      (file, content) => writeFileSync(join(cwd, file), content, { mode: 0o600 }),
    );
    const read = (file: string): string => readFileSync(join(cwd, file), "utf8");
    return { cert: read("cert.pem"), key: read("key.pem") };
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
