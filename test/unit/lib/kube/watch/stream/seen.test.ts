import {
  keepAnnotations,
  readSeen,
  sameAnnotations,
} from "../../../../../../lib/kube/watch/stream/seen";

const pod = (annotations?: unknown) => ({
  metadata: { name: "web", namespace: "team-a", uid: "u", ...(annotations ? { annotations } : {}) },
});

test("only the annotations that are asked for are kept, whatever their names", () => {
  const object = pod(JSON.parse('{"a":"1","b":"2","__proto__":"3"}')) as never;
  expect(readSeen(object, new Set(["a", "c", "__proto__"])).annotations).toEqual(
    Object.assign(Object.create(null), JSON.parse('{"a":"1","__proto__":"3"}')),
  );
  expect(Object.keys(readSeen(object, undefined).annotations ?? {})).toHaveLength(3);
  expect(readSeen(pod() as never, new Set(["toString"])).annotations).toEqual({});
});

test("annotations that are too long or cannot be read are left to a GET", () => {
  expect(keepAnnotations({ a: "x".repeat(5000) }, undefined)).toBeUndefined();
  expect(keepAnnotations({ a: "x".repeat(5000) }, new Set(["b"]))).toEqual({});
  expect(readSeen(pod({ a: 1 }) as never, undefined).annotations).toBeUndefined();
  expect(readSeen(pod("odd") as never, undefined).annotations).toBeUndefined();
});

test("a mirror pod is known by its annotations, which are not kept", () => {
  const mirror = pod({ "kubernetes.io/config.mirror": "hash" }) as never;
  expect(readSeen(mirror, new Set())).toEqual({
    ...{ namespace: "team-a", name: "web", uid: "u", mirror: true, annotations: {} },
  });
});

test("what has no name or UID is refused; a namespace has no namespace", () => {
  for (const object of [
    {},
    { metadata: 1 },
    { metadata: { name: "x" } },
    { metadata: { uid: "u" } },
  ])
    expect(() => readSeen(object, undefined)).toThrow("no name or no UID");
  expect(readSeen({ metadata: { name: "x", uid: "u" } }, undefined).namespace).toBe("");
});

test("annotations are the same by key and value; those that are not kept never are", () => {
  expect(sameAnnotations({ a: "1" }, { a: "1" })).toBe(true);
  expect(sameAnnotations({ a: "1" }, { a: "2" })).toBe(false);
  expect(sameAnnotations({ a: "1" }, { b: "1" })).toBe(false);
  expect(sameAnnotations({ a: "1" }, {})).toBe(false);
  expect(sameAnnotations(undefined, undefined)).toBe(false);
});
