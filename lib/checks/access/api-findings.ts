/** Pure: what an API server that was asked once says of what an ADD would be answered. */
import type { ApiLook, Refusal } from "../../kube/watch/once";
import { findingOf, type Finding } from "../finding";
import { ACCESS, type Kubelet } from "../kinds/access";

/** Everything that would keep an ADD from its answer. `path`: the kubeconfig. `kubelet`: as for credentialFindings. */
export function apiFindings(
  { server, pods, namespaces }: ApiLook,
  path: string,
  kubelet?: Kubelet,
): readonly Finding[] {
  const refused = [...namespaces.values()].flatMap((each) =>
    "refusal" in each ? [each.refusal] : [],
  );
  const forbidden = refused.find(({ kind }) => kind === "forbidden");
  const other = refused.find(({ kind }) => kind !== "forbidden");
  const about = (problem: string) => ({ server, problem, path, kubelet });
  return [
    ...("refusal" in pods ? [refusalFinding(pods.refusal, about, "pods-forbidden")] : []),
    ...(forbidden === undefined
      ? []
      : [findingOf(ACCESS, "namespaces-forbidden", about(forbidden.message), server)]),
    ...(other === undefined ? [] : [refusalFinding(other, about, "namespaces-forbidden")]),
  ];
}

type Facts = {
  readonly server: string;
  readonly problem: string;
  readonly path: string;
  readonly kubelet: Kubelet | undefined;
};

function refusalFinding(
  { kind, message }: Refusal,
  about: (problem: string) => Facts,
  forbidden: "pods-forbidden" | "namespaces-forbidden",
): Finding {
  const kinds = {
    unreachable: "api-unreachable",
    unauthorized: "api-unauthorized",
    untrusted: "api-untrusted",
    forbidden,
    other: "api-answer",
  } as const;
  const facts = about("");
  const said = message.startsWith(facts.server)
    ? message.slice(facts.server.length).replace(/^:? /, "")
    : message;
  return findingOf(ACCESS, kinds[kind], { ...facts, problem: said }, facts.server);
}
