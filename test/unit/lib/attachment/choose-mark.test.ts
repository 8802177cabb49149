import { CniError } from "../../../../lib/cni/error";
import { chooseAnnotation, chooseMark } from "../../../../lib/attachment/choose-mark";
import { choiceText } from "../../../../lib/attachment/facts";
import { OwnedAnswerError } from "../../../../lib/cni/owned-answer";
import type { PodAnnotations, PodSource } from "../../../../lib/ports";
import { confWith } from "../../../helpers/conf-object";

const POD = { namespace: "team-a", name: "web-0" };
const KEY = "tenant.routing/fwmark";
const runtime = (annotations: unknown) => ({
  runtimeConfig: { "io.kubernetes.cri.pod-annotations": annotations as never },
});

function source(
  found: Partial<PodAnnotations> | CniError,
  calls: string[] = [],
): () => Promise<PodSource> {
  const answer = <T>(name: string, value: T): Promise<T> => {
    calls.push(name);
    return found instanceof CniError ? Promise.reject(found) : Promise.resolve(value);
  };
  const all = { pod: {}, namespace: {}, ...(found instanceof CniError ? {} : found) };
  return async () => ({
    read: () => answer("read", all),
    readNamespace: () => answer("namespace", all.namespace),
  });
}

const never = async (): Promise<PodSource> => {
  throw new Error("the API was asked");
};

test("an annotation from the runtime needs no API", async () => {
  const found = await chooseMark(confWith(runtime({ [KEY]: "0x10" })), POD, never);
  expect(found).toEqual({
    source: "pod",
    key: KEY,
    value: "0x10",
    mark: { value: 16, mask: 0xffffffff },
    tenant: undefined,
  });
  expect(choiceText(found)).toBe(`pod annotation ${KEY}`);
});

test("runtime annotations without the key ask for the namespace only", async () => {
  const calls: string[] = [];
  const found = await chooseMark(
    confWith(runtime({ other: "x" })),
    POD,
    source({ namespace: { [KEY]: "0x20" } }, calls),
  );
  expect(found.mark?.value).toBe(0x20);
  expect(choiceText(found)).toBe(`namespace annotation ${KEY}`);
  expect(calls).toEqual(["namespace"]);
});

test.each([undefined, null, {}])(
  "runtime annotations %j ask for the pod too",
  async (annotations) => {
    const calls: string[] = [];
    const conf = annotations === undefined ? confWith() : confWith(runtime(annotations));
    const found = await chooseMark(
      conf,
      POD,
      source({ pod: { [KEY]: "0x10" }, namespace: { [KEY]: "0x20" } }, calls),
    );
    expect(found).toMatchObject({ source: "pod", key: KEY, mark: { value: 16 } });
    expect(calls).toEqual(["read"]);
  },
);

test("neither: no mark", async () => {
  const found = await chooseMark(confWith(), POD, source({}));
  expect(found).toEqual({ source: "none", askedApi: true });
  expect(choiceText(found)).toBe("no annotation on the pod or its namespace");
});

test("an exempt namespace is not looked up", async () => {
  const found = await chooseMark(
    confWith({ exemptNamespaces: ["kube-*"], ...runtime({ [KEY]: "0x10" }) }),
    { ...POD, namespace: "kube-system" },
    never,
  );
  expect(found).toEqual({ source: "exempt", namespace: "kube-system" });
  expect(choiceText(found)).toBe("namespace kube-system is exempt");
});

test("without a kubeconfig the runtime's annotations are all there is", async () => {
  expect(
    (
      await chooseMark(
        confWith({ kubeconfig: undefined, ...runtime({ other: "x" }) }),
        undefined,
        never,
      )
    ).mark,
  ).toBeUndefined();
});

test.each([null, {}])(
  "without a kubeconfig, %j from the runtime says that the pod has none",
  async (annotations) => {
    const found = await chooseMark(
      confWith({ kubeconfig: undefined, ...runtime(annotations) }),
      POD,
      never,
    );
    expect(found).toEqual({ source: "none", askedApi: false });
    expect(choiceText(found)).toBe(
      "no annotation from the runtime, and no kubeconfig to look further",
    );
  },
);

describe("without a kubeconfig and without the key in runtimeConfig nobody can tell", () => {
  const lost = [undefined, {}, { portMappings: [] }];
  test.each(lost)("%j: code 4 naming the pod, the key and the remedy", async (runtimeConfig) => {
    const words = expect.stringMatching(
      /team-a\/web-0.*pod-annotations.*containerd 1\.5.*CRI-O 1\.29.*"kubeconfig"/,
    );
    await expect(
      chooseMark(confWith({ kubeconfig: undefined, runtimeConfig }), POD, never),
    ).rejects.toMatchObject({ code: 4, message: words });
    await expect(
      chooseMark(confWith({ kubeconfig: undefined, runtimeConfig }), undefined, never),
    ).rejects.toMatchObject({ code: 4 });
  });
  test.each(lost)(
    "%j with onError allow: unmarked, with that as a warning",
    async (runtimeConfig) => {
      const found = await chooseMark(
        confWith({ kubeconfig: undefined, onError: "allow", runtimeConfig }),
        POD,
        never,
      );
      expect(found).toMatchObject({ source: "failed", step: "lookup", error: { code: 4 } });
      expect(found.mark).toBeUndefined();
      expect(choiceText(found)).toBe("lookup failed, onError is allow");
    },
  );
  test("an exempt namespace needs no annotations", async () => {
    expect(
      (
        await chooseMark(
          confWith({ kubeconfig: undefined, exemptNamespaces: ["team-*"] }),
          POD,
          never,
        )
      ).mark,
    ).toBeUndefined();
  });
});

test("no pod in CNI_ARGS: code 4 naming the variables, whatever onError says", async () => {
  for (const onError of ["deny", "allow"] as const) {
    await expect(chooseMark(confWith({ onError }), undefined, never)).rejects.toMatchObject({
      code: 4,
      message: expect.stringContaining("K8S_POD_NAMESPACE"),
    });
  }
});

test("onError decides what a failed lookup means", async () => {
  const failure = new CniError("tryAgainLater", "api down");
  await expect(chooseMark(confWith(), POD, source(failure))).rejects.toBe(failure);
  const found = await chooseMark(confWith({ onError: "allow" }), POD, source(failure));
  expect(found).toEqual({ source: "failed", step: "lookup", error: failure });
});

test("onError allow does not cover a refused value", async () => {
  const conf = confWith({ onError: "allow", ...runtime({ [KEY]: "" }) });
  await expect(chooseMark(conf, POD, never)).rejects.toMatchObject({ code: 7 });
});

test.each([["x"], [[]], [{ a: 1 }]])("runtime annotations %j are refused", async (annotations) => {
  await expect(chooseMark(confWith(runtime(annotations)), POD, never)).rejects.toMatchObject({
    code: 7,
  });
});

test("inherited names are not annotations", async () => {
  const annotations = JSON.parse('{"__proto__":{"tenant.routing/fwmark":"0x10"}}') as unknown;
  await expect(chooseMark(confWith(runtime(annotations)), POD, never)).rejects.toMatchObject({
    code: 7,
  });
});

test("an object that its owner made unusable is refused, whatever onError says; withDetails keeps it that", async () => {
  const error = new OwnedAnswerError("too large", { details: "a" }).withDetails("b");
  expect(error).toMatchObject({ code: 108, message: "too large", details: "a; b" });
  for (const onError of ["deny", "allow"] as const) {
    await expect(chooseMark(confWith({ onError }), POD, source(error))).rejects.toBe(error);
  }
});

describe("the annotation", () => {
  test("the first key that is present decides, all keys on the pod before any on the namespace", () => {
    const pod = { b: "pod-b" };
    const namespace = { a: "ns-a", b: "ns-b" };
    expect(chooseAnnotation(["a", "b"], { pod, namespace })).toEqual({
      key: "b",
      value: "pod-b",
      source: "pod",
    });
    expect(chooseAnnotation(["a", "b"], { pod: {}, namespace })).toEqual({
      key: "a",
      value: "ns-a",
      source: "namespace",
    });
    expect(chooseAnnotation(["c"], { pod, namespace })).toBeUndefined();
  });

  test("an empty value decides too", () => {
    expect(chooseAnnotation(["a"], { pod: { a: "" }, namespace: { a: "x" } })).toMatchObject({
      value: "",
      source: "pod",
    });
  });

  test("inherited names are no annotations", () => {
    expect(
      chooseAnnotation(["constructor", "toString"], { pod: {}, namespace: {} }),
    ).toBeUndefined();
  });
});
