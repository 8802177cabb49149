import type * as ClientNode from "./client-node";
import { failure, useApiServer, WEB } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("./client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const t = useApiServer();

describe("unusable answers", () => {
  test.each([
    ["redirect", { kind: "redirect" }, /answered 302.*redirects are not followed/],
    ["another protocol", { kind: "switchProtocols" }, /answered 101 for pods: check server/],
    ["html", { kind: "nonJson" }, /cannot be decoded/],
    ["empty", { kind: "empty" }, /cannot be decoded/],
    ["huge", { kind: "huge" }, /more than 4194304 bytes/],
    ["gzip", { kind: "huge", bytes: 5000, gzip: true }, /encoded as "gzip"/],
    ["null", { kind: "body", text: "null" }, /not a JSON object/],
    ["array", { kind: "body", text: "[]" }, /not a JSON object/],
    ["an empty object", { kind: "body", text: "{}" }, /has kind|has no metadata/],
    [
      "a Status",
      { kind: "body", text: '{"kind":"Status","apiVersion":"v1","status":"Success"}' },
      /has kind "Status"/,
    ],
    [
      "invalid UTF-8",
      { kind: "body", base64: "eyJraW5kIjoiUG9kIiwi/yI6MX0=" },
      /cannot be decoded/,
    ],
    ["other kind", { kind: "body", text: '{"kind":"Secret","metadata":{}}' }, /has kind "Secret"/],
    ["no metadata", { kind: "body", text: '{"kind":"Pod"}' }, /has no metadata/],
    [
      "other pod",
      {
        kind: "body",
        text: '{"kind":"Pod","metadata":{"name":"other","namespace":"team-a","uid":"u"}}',
      },
      /about another object/,
    ],
    [
      "other namespace",
      {
        kind: "body",
        text: '{"kind":"Pod","metadata":{"name":"web-0","namespace":"team-b","uid":"u"}}',
      },
      /about another object/,
    ],
    [
      "no UID",
      { kind: "body", text: '{"kind":"Pod","metadata":{"name":"web-0","namespace":"team-a"}}' },
      /no metadata.uid/,
    ],
    [
      "annotations array",
      {
        kind: "body",
        text: '{"kind":"Pod","metadata":{"name":"web-0","namespace":"team-a","uid":"u","annotations":[]}}',
      },
      /not an object/,
    ],
    [
      "annotation number",
      {
        kind: "body",
        text: '{"kind":"Pod","metadata":{"name":"web-0","namespace":"team-a","uid":"u","annotations":{"a":1}}}',
      },
      /annotation "a" that is not a string/,
    ],
    [
      "404 of a web server",
      { kind: "body", status: 404, text: "<html>" },
      /answered 404 for pods: check server/,
    ],
    ["400", { kind: "status", code: 400 }, /answered 400 for pods/],
    ["418", { kind: "status", code: 418 }, /answered 418 for pods/],
  ] as const)("%s", async (_name, fault, message) => {
    t.api.faults.add({ ...fault, path: "*/pods/*" });
    const error = await failure(t.source().read(WEB));
    expect(error.code).toBe(108);
    expect(error.message).toMatch(message);
    expect(error.message).toContain("team-a/web-0");
    expect(t.slept).toEqual([]);
  });
  test("a whole Pod from a server that knows no PartialObjectMetadata is fine", async () => {
    t.api.faults.add({
      kind: "body",
      path: "*/pods/*",
      text: '{"kind":"Pod","metadata":{"name":"web-0","namespace":"team-a","uid":"uid-web-0","annotations":null},"spec":{"x":1}}',
    });
    expect((await t.source().read(WEB)).pod).toEqual(Object.create(null));
  });
});
