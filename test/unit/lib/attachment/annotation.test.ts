import { chooseAnnotation } from "../../../../lib/attachment/choose-mark";

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
  expect(chooseAnnotation(["constructor", "toString"], { pod: {}, namespace: {} })).toBeUndefined();
});
