/** The node whose pods are watched, and who says so. */
export interface NodeName {
  readonly name: string;
  /** For messages, after "from". */
  readonly from: string;
}

export interface NodeNameSources {
  /** From a client certificate of CN `system:node:NAME`; undefined for other credentials. */
  readonly certificate: string | undefined;
  readonly kubeconfigPath: string;
  readonly option: string | undefined;
  /** The variable NODE_NAME, which a DaemonSet sets from `spec.nodeName`. */
  readonly environment: string | undefined;
  readonly hostname: string;
}

/**
 * The certificate comes first: the API server lets it see the pods of this node and no others. The
 * host's name comes last, in lower case, as the kubelet takes it (pkg/util/node, GetHostname).
 */
export function findNodeName(sources: NodeNameSources): NodeName {
  const { certificate, option, environment, hostname } = sources;
  if (certificate !== undefined && certificate !== "")
    return { name: certificate, from: `the client certificate of ${sources.kubeconfigPath}` };
  if (option !== undefined && option !== "") return { name: option, from: "the option nodeName" };
  if (environment !== undefined && environment !== "")
    return { name: environment, from: "the environment variable NODE_NAME" };
  return { name: hostname.trim().toLowerCase(), from: "the host's name" };
}
