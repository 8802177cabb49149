import { PodStore } from "../../../../../lib/kube/watch/pod-store";
import type { Seen } from "../../../../../lib/kube/watch/stream/seen";

let now = 0;
const told: string[] = [];
function makeStore(): PodStore {
  now = 0;
  told.length = 0;
  const changed = (namespace: string, name: string): void => void told.push(`${namespace}/${name}`);
  const namespaceIn = (namespace: string): void => void told.push(`in ${namespace}`);
  return new PodStore({ changed, namespaceIn }, () => now);
}
const seen = (name: string, uid: string, value?: string): Seen => ({
  ...{ namespace: "a", name, uid, mirror: false },
  annotations: value === undefined ? {} : { key: value },
});

test("a list tells what is new to a namespace, different or another pod; not what is new or gone", () => {
  const store = makeStore();
  store.replace([seen("one", "1", "x"), seen("two", "2", "x"), seen("three", "3")]);
  expect(told.splice(0)).toEqual(["in a"]);
  store.replace([seen("one", "1", "y"), seen("two", "9", "x"), seen("four", "4")]);
  expect(told).toEqual(["a/one", "a/two"]);
  expect(store.size).toBe(3);
});

test("the late end of a pod leaves alone the next one of its name", () => {
  const store = makeStore();
  store.set(seen("one", "1"));
  store.set(seen("one", "2"));
  store.remove(seen("one", "1"));
  expect(store.get("a", "one")?.uid).toBe("2");
  store.remove(seen("one", "2"));
  expect([store.size, store.hasNamespace("a")]).toEqual([0, false]);
  store.remove(seen("one", "2"));
});

test("the answer of a GET is good for a minute, or until the watch has the pod", () => {
  const store = makeStore();
  store.remember(seen("one", "1", "x"));
  expect(store.get("a", "one")?.uid).toBe("1");
  store.set(seen("one", "1", "y"));
  expect(told).toEqual(["in a", "a/one"]);
  store.remember(seen("two", "2"));
  now = 60_000;
  expect(store.get("a", "two")).toBeUndefined();
});

test("no more than a thousand answers are remembered", () => {
  const store = makeStore();
  for (let i = 0; i < 1500; i++) store.remember(seen(`p${i}`, "u"));
  expect([store.get("a", "p499"), store.get("a", "p500")?.name]).toEqual([undefined, "p500"]);
});
