// Keeps the parts of @kubernetes/client-node that we never reach out of the bundle (decision 0021).
//
// Reading a kubeconfig is one file of client-node; importing it drags in the generated API, three
// HTTP stacks and an OpenID client, 80 ms and 4 MB that no ADD needs. Every stub either can never
// be reached (lib/kube/kubeconfig refuses the configurations that would) or throws and says so.

import { stubPlugin } from "./stubs.mjs";

const inClientNode = /[\\/]@kubernetes[\\/]client-node[\\/]dist[\\/][^\\/]+\.js$/;

/** An authentication provider that never applies: lib/kube/kubeconfig refuses kubeconfigs that name it. */
const provider = (name) => `export class ${name} { isAuthProvider() { return false; } }`;

/** A value that must not be used. */
const absent = (module, name) =>
  `export function ${name}() { throw new Error(${JSON.stringify(`${name} of ${module} is left out of this build (scripts/build/client-node-stubs.mjs)`)}); }`;

/** Module as client-node's dist/config.js imports it -> source of its stand-in. */
export const stubs = {
  "./azure_auth.js": provider("AzureAuth"),
  "./gcp_auth.js": provider("GoogleCloudPlatformAuth"),
  "./oidc_auth.js": provider("OpenIDConnectAuth"),
  "./gen/index.js": ["createConfiguration", "ServerConfiguration"]
    .map((name) => absent("client-node's generated API", name))
    .join("\n"),
  "./middleware.js": absent("client-node", "setHeaderMiddleware"),
  "../package.json": `export default { version: "" };`,
  undici: ["Agent", "ProxyAgent"].map((name) => absent("undici", name)).join("\n"),
  socks: absent("socks", "SocksClient"),
  "socks-proxy-agent": absent("socks-proxy-agent", "SocksProxyAgent"),
  hpagent: ["HttpProxyAgent", "HttpsProxyAgent"].map((name) => absent("hpagent", name)).join("\n"),
};

/** esbuild plugin. Fails the build when client-node no longer imports what a stub stands for. */
export function clientNodeStubs() {
  return stubPlugin("client-node", inClientNode, stubs);
}
