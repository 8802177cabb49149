/** The checks of the credentials and of the API server. */
import { CniError, toCniError } from "../../cni/error";
import type { PluginConf } from "../../../conf/types";
import type { CredentialFacts } from "../../kube/credential-facts";
import type { ApiLook } from "../../kube/watch/once";
import type { Clock } from "../../ports";
import { findingOf, type Finding } from "../finding";
import { ACCESS, type Kubelet } from "../kinds/access";
import type { Check } from "../run";
import { apiFindings } from "./api-findings";
import { credentialFindings, credentialSummary } from "./credential-findings";

export interface AccessView {
  /** Throws when there is no conflist. */
  readonly conf: () => PluginConf;
  /** What the API server says; asked at most once for all checks. */
  readonly api: (kubeconfig: string) => Promise<ApiLook>;
  readonly clock: Clock;
  /** This node's, where its distribution is known; looked for when there is something to remedy. */
  readonly kubelet?: () => Kubelet | undefined;
}

const FROM_RUNTIME = "the conflist names no kubeconfig: annotations come from the runtime";

/** Loaded late, as for ADD: TLS and the kubeconfig's reader cost more than all the rest. */
async function factsOf(kubeconfig: string): Promise<CredentialFacts> {
  const { readCredentialFacts } = await import("../../kube/credential-facts");
  return readCredentialFacts(kubeconfig);
}

/** What the facts do not show, such as a key that does not fit, in the words of ADD. No credential plugin is run. */
async function refusals(path: string, clock: Clock): Promise<readonly Finding[]> {
  const { checkKubeconfig } = await import("../../kube/source");
  try {
    await checkKubeconfig(path, clock);
    return [];
  } catch (thrown) {
    const problem = toCniError(thrown).message;
    return [findingOf(ACCESS, "kubeconfig-unusable", { path, problem }, path)];
  }
}

function isBad(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === "failed");
}

// Only a remedy names the kubelet, and to find its distribution the runtimes' configurations are read.
function judged(
  facts: CredentialFacts,
  now: Date,
  kubelet: AccessView["kubelet"],
): readonly Finding[] {
  const found = credentialFindings(facts, now);
  return found.length === 0 ? found : credentialFindings(facts, now, kubelet?.());
}

/** The checks of these two categories. */
export function accessChecks({ conf, api, clock, kubelet }: AccessView): readonly Check[] {
  return [
    {
      ...{ name: "kubeconfig", category: "credentials", local: true },
      look: async () => {
        const { kubeconfig } = conf();
        if (kubeconfig === undefined) return { findings: [], skipped: FROM_RUNTIME };
        const facts = await factsOf(kubeconfig);
        const found = judged(facts, clock.now(), kubelet);
        const findings = isBad(found) ? found : [...found, ...(await refusals(kubeconfig, clock))];
        return { findings, summary: credentialSummary(facts) };
      },
    },
    {
      ...{ name: "API server", category: "api", local: false },
      look: async () => {
        const { kubeconfig } = conf();
        if (kubeconfig === undefined) return { findings: [], skipped: FROM_RUNTIME };
        const facts = await factsOf(kubeconfig);
        // With these no question can be asked, and the credentials' own check says so.
        if (isBad(credentialFindings(facts, clock.now())))
          throw new CniError("io", "its credentials cannot be used");
        const look = await api(kubeconfig);
        const pods = "value" in look.pods ? `, ${look.pods.value.length} pods` : "";
        return {
          findings: apiFindings(look, kubeconfig, kubelet?.()),
          summary: `${look.server}${pods}`,
        };
      },
    },
  ];
}
