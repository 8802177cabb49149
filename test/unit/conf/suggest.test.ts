import { closest, editDistance } from "../../../conf/schema-problems";

describe("editDistance", () => {
  test.each([
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["abc", "abc", 0],
    ["kitten", "sitting", 3],
    ["ab", "ba", 2],
  ])("from %j to %j is %d", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });
});

describe("closest", () => {
  const known = ["kubeconfig", "annotationKey", "mask", "marks", "delegate"];

  test.each([
    ["kubeConfig", "kubeconfig"],
    ["anotationKey", "annotationKey"],
    ["annotationkeys", "annotationKey"],
    ["mark", "mask"],
    ["delegates", "delegate"],
    ["DELEGATE", "delegate"],
  ])("%s is probably %s", (word, meant) => {
    expect(closest(word, known)).toBe(meant);
  });

  test.each(["snat", "x", "", "a".repeat(1 << 20)])("nothing is near %.10s", (word) => {
    expect(closest(word, known)).toBeUndefined();
  });
});
