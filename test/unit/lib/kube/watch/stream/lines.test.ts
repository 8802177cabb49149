import { OversizeError } from "../../../../../../lib/kube/errors";
import { LineSplitter } from "../../../../../../lib/kube/watch/stream/lines";

const push = (splitter: LineSplitter, text: string): string[] =>
  splitter.push(Buffer.from(text)).map((line) => Buffer.from(line).toString());

test("lines come out whole, however they arrive", () => {
  const splitter = new LineSplitter(100);
  expect(push(splitter, "one\ntw")).toEqual(["one"]);
  expect(push(splitter, "")).toEqual([]);
  expect(push(splitter, "o")).toEqual([]);
  expect(push(splitter, "\n\n\nthree\n")).toEqual(["two", "three"]);
  for (const char of "fö") splitter.push(Buffer.from(char));
  expect(push(splitter, "ur\n")).toEqual(["föur"]);
});

test("a line that is too long is refused before it is held", () => {
  const splitter = new LineSplitter(10);
  expect(push(splitter, "0123456789\n")).toEqual(["0123456789"]);
  push(splitter, "01234");
  expect(() => push(splitter, "567890")).toThrow(OversizeError);
});
