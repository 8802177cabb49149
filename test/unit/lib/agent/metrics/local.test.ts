import { refusalOf } from "../../../../../lib/agent/metrics/local";

test.each([
  ["127.0.0.1:9750", "127.0.0.1"],
  ["localhost", "127.0.0.1"],
  ["LOCALHOST:1", "::1"],
  ["[::1]:9750", "::1"],
  ["10.0.0.7:9750", "::ffff:127.0.0.1"],
  ["agent", undefined],
  ["localhost:8000", undefined],
  [undefined, undefined],
])("%s on %s is let in", (host, localAddress) => {
  expect(refusalOf({ host, localAddress })).toBeUndefined();
});

test.each([
  "evil.example",
  "evil.example:9750",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "agent.example",
  "[::1].evil.example",
  "",
  "127.0.0.1:9750:1",
])("a web page of %s is not, wherever it leads", (host) => {
  for (const localAddress of ["127.0.0.1", undefined])
    expect(refusalOf({ host, localAddress })).toMatch("by an address or as localhost");
});

test.each(["10.0.0.7", "fd00::7", "::ffff:10.0.0.7", "::"])("nobody is who came to %s", (at) => {
  expect(refusalOf({ host: "127.0.0.1", localAddress: at })).toMatch("this machine alone: ssh -L");
});
