/** Pure: what can be wrong with the credentials and the API server: TR05xx. */
import { shellWord } from "../../text/shell";
import type { Kind } from "../finding";

/** This node's kubelet, by its distribution. */
export interface Kubelet {
  /** The distribution's name. */
  readonly name: string;
  /** Undefined: it is not where the distribution has it by default. */
  readonly kubeconfig: string | undefined;
  /** The command that restarts it. */
  readonly restart: string;
}

interface ConfigFacts {
  /** The kubeconfig. */
  readonly path: string;
}

interface MissingFacts extends ProblemFacts {
  readonly kubelet: Kubelet | undefined;
}

interface ProblemFacts extends ConfigFacts {
  readonly problem: string;
}

interface ValidFacts extends ConfigFacts {
  /** The file of the certificate or token; undefined: it is in the kubeconfig. */
  readonly file: string | undefined;
  readonly date: Date;
  readonly now: Date;
  readonly kubelet: Kubelet | undefined;
}

interface ServerFacts {
  readonly server: string;
  readonly problem: string;
}

interface ForbiddenFacts extends ServerFacts {
  readonly path: string;
  readonly kubelet: Kubelet | undefined;
}

const NO_LOOKUP =
  "a new pod whose annotations the runtime does not pass cannot be looked up, so its ADD fails";

export const ACCESS = {
  "kubeconfig-missing": {
    code: "TR0501",
    category: "credentials",
    severity: "failed",
    title: "The kubeconfig is missing",
    fault: ({ path, problem }: MissingFacts) => `kubeconfig ${path} cannot be opened (${problem})`,
    consequence: () => NO_LOOKUP,
    remedy: ({ path, kubelet }: MissingFacts) =>
      kubelet?.kubeconfig === undefined || kubelet.kubeconfig === path
        ? `Put the kubelet's kubeconfig at ${path}, or correct "kubeconfig" in the conflist`
        : `Correct "kubeconfig" in the conflist: ${kubelet.name} has it at ${kubelet.kubeconfig}`,
  },
  "kubeconfig-mode": {
    code: "TR0502",
    category: "credentials",
    severity: "failed",
    title: "Others can write the kubeconfig",
    fault: ({ path, mode }: ConfigFacts & { readonly mode: number }) =>
      `kubeconfig ${path} can be written by others (mode ${(mode & 0o777).toString(8)}), so ADD refuses it`,
    consequence: () => NO_LOOKUP,
    remedy: ({ path }: ConfigFacts) => `chmod go-w ${shellWord(path)}`,
  },
  "kubeconfig-owner": {
    code: "TR0503",
    category: "credentials",
    severity: "failed",
    title: "The kubeconfig belongs to somebody else",
    fault: ({ path, uid }: ConfigFacts & { readonly uid: number }) =>
      `kubeconfig ${path} belongs to user ${uid}, so ADD refuses it`,
    consequence: () => NO_LOOKUP,
    remedy: ({ path }: ConfigFacts) => `chown 0 ${shellWord(path)}`,
  },
  "kubeconfig-unusable": {
    code: "TR0504",
    category: "credentials",
    severity: "failed",
    title: "The kubeconfig cannot be used",
    fault: ({ problem }: ProblemFacts) => problem,
    consequence: () => NO_LOOKUP,
    remedy: ({ path }: ProblemFacts) => `Correct ${path} as the message says`,
  },
  "certificate-expired": {
    code: "TR0505",
    category: "credentials",
    severity: "failed",
    title: "The client certificate has expired",
    fault: (facts: ValidFacts) =>
      `the client certificate ${whereText(facts)} expired on ${dayText(facts.date)}`,
    consequence: () => NO_LOOKUP,
    remedy: restartText,
  },
  "certificate-expiring": {
    code: "TR0506",
    category: "credentials",
    severity: "warning",
    title: "The client certificate expires soon",
    fault: (facts: ValidFacts) =>
      `the client certificate ${whereText(facts)} expires on ${dayText(facts.date)}, in ${daysBetween(facts)}`,
    consequence: () => "from then on no new pod can be looked up",
    remedy: restartText,
  },
  "token-expired": {
    code: "TR0507",
    category: "credentials",
    severity: "failed",
    title: "The token has expired",
    fault: (facts: ValidFacts) => `the token ${whereText(facts)} expired on ${dayText(facts.date)}`,
    consequence: () => NO_LOOKUP,
    remedy: ({ file, path }: ValidFacts) => `Write a new token to ${file ?? path}`,
  },
  "clock-implausible": {
    code: "TR0508",
    category: "credentials",
    severity: "failed",
    title: "The clock is before the client certificate's first day",
    fault: (facts: ValidFacts) =>
      `the clock says ${dayText(facts.now)}, and the client certificate ${whereText(facts)} is valid from ${dayText(facts.date)} on`,
    consequence: () => "the API server and we take each other's certificates for invalid",
    remedy: () => "systemctl restart systemd-timesyncd",
  },
  "api-unreachable": {
    code: "TR0511",
    category: "api",
    severity: "failed",
    title: "The API server cannot be reached",
    fault: ({ server, problem }: ServerFacts) => `${server} ${problem}`,
    consequence: () => NO_LOOKUP,
    remedy: ({ server }: ServerFacts) =>
      `Repair the API server or the way to it: curl -k ${server}/readyz`,
  },
  "api-unauthorized": {
    code: "TR0512",
    category: "api",
    severity: "failed",
    title: "The API server does not accept the credentials",
    fault: ({ server, path }: ForbiddenFacts) =>
      `${server} does not accept the credentials of ${path}`,
    consequence: () => NO_LOOKUP,
    remedy: restartText,
  },
  "api-untrusted": {
    code: "TR0513",
    category: "api",
    severity: "failed",
    title: "The API server's certificate cannot be verified",
    fault: ({ server, problem }: ServerFacts) => `${server}: ${problem}`,
    consequence: () => NO_LOOKUP,
    remedy: ({ path }: ForbiddenFacts) =>
      `Renew the server's certificate, or correct certificate-authority and server in ${path}`,
  },
  "pods-forbidden": {
    code: "TR0514",
    category: "api",
    severity: "failed",
    title: "The API server refuses the node's pods",
    fault: ({ server }: ServerFacts) => `${server} does not let us read this node's pods`,
    consequence: () => NO_LOOKUP,
    remedy: ({ path }: ForbiddenFacts) =>
      `Put this node's own kubeconfig at ${path}, or grant its user get on pods`,
  },
  "namespaces-forbidden": {
    code: "TR0515",
    category: "api",
    severity: "failed",
    title: "The API server refuses namespaces",
    fault: ({ server }: ServerFacts) => `${server} does not let us read namespaces`,
    consequence: () =>
      "a pod without an annotation of its own cannot inherit one, so its ADD fails with code 103",
    remedy: () => "kubectl apply -f manifests/rbac.yaml",
  },
  "api-answer": {
    code: "TR0516",
    category: "api",
    severity: "failed",
    title: "The API server's answer cannot be used",
    fault: ({ server, problem }: ServerFacts) => `${server}: ${problem}`,
    consequence: () => NO_LOOKUP,
    remedy: ({ path }: ForbiddenFacts) =>
      `Check that server in ${path} is a Kubernetes API server, and its health`,
  },
} satisfies Record<string, Kind<never>>;

function restartText({ kubelet }: { readonly kubelet: Kubelet | undefined }): string {
  return kubelet?.restart ?? "systemctl restart kubelet";
}

function whereText({ file, path }: ValidFacts): string {
  return file ?? `in ${path}`;
}

function dayText(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}

const DAY_MS = 24 * 60 * 60 * 1000;

function daysBetween({ date, now }: ValidFacts): string {
  const days = Math.floor((date.getTime() - now.getTime()) / DAY_MS);
  if (days < 1) return "less than a day";
  return days === 1 ? "1 day" : `${days} days`;
}
