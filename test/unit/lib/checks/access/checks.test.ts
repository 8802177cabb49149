/** The checks of credentials and API server: what is looked at, and what is not asked in vain. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { accessChecks, type AccessView } from "../../../../../lib/checks/access/checks";
import type { Looked } from "../../../../../lib/checks/run";
import type { ApiLook } from "../../../../../lib/kube/watch/once";
import { systemClock } from "../../../../../lib/node/clock";
import { confWith } from "../../../../helpers/conf-object";
import type * as ClientNode from "../../kube/client-node";
import { useApiServer } from "../../kube/harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("../../kube/client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const t = useApiServer();
const answer = (change: Partial<ApiLook> = {}): ApiLook => ({
  ...{ server: "https://s", pods: { value: [] }, namespaces: new Map() },
  ...change,
});

function look(
  name: "kubeconfig" | "API server",
  kubeconfig: string | undefined,
  api: AccessView["api"] = async () => answer(),
): Promise<Looked> {
  const conf = () => confWith({ kubeconfig });
  const checks = accessChecks({ conf, api, clock: systemClock });
  const check = checks.find((each) => each.name === name);
  if (check === undefined) throw new Error(`no check ${name}`);
  return check.look();
}

test("CNI STATUS does not ask the API server", () => {
  const view = { conf: confWith, api: async () => answer(), clock: systemClock };
  expect(accessChecks(view).map((each) => [each.name, each.category, each.local])).toEqual([
    ["kubeconfig", "credentials", true],
    ["API server", "api", false],
  ]);
});

test.each(["kubeconfig", "API server"] as const)(
  "%s: skipped where annotations come from the runtime",
  async (name) => {
    const api = jest.fn(async () => answer());
    expect(await look(name, undefined, api)).toEqual({
      findings: [],
      skipped: "the conflist names no kubeconfig: annotations come from the runtime",
    });
    expect(api).not.toHaveBeenCalled();
  },
);

describe("kubeconfig", () => {
  test("a token without a date is named and nothing is wrong with it", async () => {
    expect(await look("kubeconfig", t.api.kubeconfig("token"))).toEqual({
      findings: [],
      summary: "token",
    });
  });

  test("a certificate that has expired, and its last day", async () => {
    const { findings, summary } = await look("kubeconfig", t.api.kubeconfig("expired"));
    expect(findings).toMatchObject([
      {
        ...{ code: "TR0505", kind: "certificate-expired", severity: "failed" },
        fault: expect.stringContaining(" expired on ") as string,
        remedy: "systemctl restart kubelet",
      },
    ]);
    expect(summary).toMatch(/^client certificate until \d{4}-\d\d-\d\d$/);
  });

  test("what only a closer look shows is in the words of ADD", async () => {
    const path = t.edited(
      "plugin",
      (text) => text.replace(/command: .*/, "command: /nowhere"),
      "exec",
    );
    expect((await look("kubeconfig", path)).findings).toMatchObject([
      {
        ...{ code: "TR0504", subject: path },
        fault: expect.stringContaining("cannot be started (ENOENT)") as string,
      },
    ]);
  });

  test("a file that is not there", async () => {
    const path = join(t.dir, "nowhere");
    const { findings, summary } = await look("kubeconfig", path);
    expect(findings).toMatchObject([
      {
        ...{ code: "TR0501", subject: path },
        fault: `kubeconfig ${path} cannot be opened (ENOENT)`,
        remedy: `Put the kubelet's kubeconfig at ${path}, or correct "kubeconfig" in the conflist`,
      },
    ]);
    expect(summary).toBe("");
  });
});

describe("API server", () => {
  test("is asked with the kubeconfig, and its pods are counted", async () => {
    const path = t.api.kubeconfig("kubelet");
    const api = jest.fn(async () => answer());
    expect(await look("API server", path, api)).toEqual({
      findings: [],
      summary: "https://s, 0 pods",
    });
    expect(api.mock.calls).toEqual([[path]]);
  });

  test("that refuses the pods: the finding names the kubeconfig, and no pods are counted", async () => {
    const path = t.api.kubeconfig("token");
    const pods = { refusal: { kind: "forbidden", message: "https://s: no" } } as const;
    const { findings, summary } = await look("API server", path, async () => answer({ pods }));
    expect(findings).toMatchObject([
      {
        ...{ code: "TR0514", category: "api", severity: "failed", subject: "https://s" },
        fault: "https://s does not let us read this node's pods",
        remedy: `Put this node's own kubeconfig at ${path}, or grant its user get on pods`,
      },
    ]);
    expect(summary).toBe("https://s");
  });

  test("is not asked with credentials that ADD refuses", async () => {
    const path = t.edited("open", (text) => text);
    chmodSync(path, 0o666);
    const api = jest.fn(async () => answer());
    await expect(look("API server", path, api)).rejects.toThrow("its credentials cannot be used");
    expect(api).not.toHaveBeenCalled();
    expect((await look("kubeconfig", path)).findings).toMatchObject([
      { code: "TR0502", remedy: `chmod go-w ${path}` },
    ]);
  });

  test("that is away: the look fails with its reason", async () => {
    const api = () => Promise.reject(new Error("it is away"));
    await expect(look("API server", t.api.kubeconfig("token"), api)).rejects.toThrow("it is away");
  });
});
