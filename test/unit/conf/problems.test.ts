/** How problems are put together: unknown keys with what was meant, many at once, hostile text. */
import { netconf, refusal, refusalText, type Changes } from "./helpers";
import type { Json } from "../../../lib/cni/json";

const tenant = (settings: Json): Changes => ({ tenants: { a: settings } });
const marked = (settings: object): Changes => tenant({ fwmark: "16", ...settings });

describe("unknown keys", () => {
  test.each<[string, Changes, string]>([
    [
      "anotationKey",
      { anotationKey: "x" },
      '/anotationKey is an unknown key with value "x": did you mean "annotationKey"?',
    ],
    [
      "Kubeconfig",
      { Kubeconfig: "/k", kubeconfig: undefined },
      '/Kubeconfig is an unknown key with value "/k": did you mean "kubeconfig"?',
    ],
    [
      "delegat",
      { delegat: { type: "ptp" }, delegate: undefined },
      '/delegat is an unknown key with value {"type":"ptp"}: did you mean "delegate"?',
    ],
    [
      "ipam",
      { ipam: {} },
      '/ipam is an unknown key with value {}: it is a setting of the delegate, put it inside "delegate"',
    ],
    [
      "fwmrk",
      tenant({ fwmrk: "0x10" }),
      '/tenants/a/fwmrk is an unknown key with value "0x10": did you mean "fwmark"?',
    ],
    [
      "rateLimit",
      marked({ rateLimit: true }),
      "/tenants/a/rateLimit is an unknown key with value true: remove it; known here are fwmark, namespaces",
    ],
    [
      "zzz",
      { zzz: 1 },
      "/zzz is an unknown key with value 1: remove it; known here are delegate, kubeconfig",
    ],
  ])("%s alone is code 2 with key, value and remedy", (_key, changes, text) => {
    const error = refusal(netconf(changes));
    expect(error.code).toBe(2);
    expect(error.message).toBe(
      `configuration of network "net": ${text}${error.message.split(text)[1] ?? ""}`,
    );
    expect(error.message).not.toContain("is missing");
  });

  test("together with another problem is code 7", () => {
    expect(refusal(netconf({ zzz: 1, onError: "no" })).code).toBe(7);
  });

  test("of a credential does not show it", () => {
    const text = refusalText(
      netconf({ token: "s3cret", x: { password: "s3cret" }, y: "Bearer s3cret" }),
    );
    expect(text).toContain("/token is an unknown key with value (hidden)");
    expect(text).not.toContain("s3cret");
  });
});

describe("many problems", () => {
  test("few of them stand in the message together", () => {
    const { message, details } = refusal(netconf({ onError: "x", iptables: "y", kubeconfig: "z" }));
    expect(message).toMatch(/\/kubeconfig .*\/onError .*\/iptables /);
    expect(details).toBe("");
  });

  test("more of them are all listed in the details, and the first in the message", () => {
    const tenants = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`t${i}`, { fwmark: "0" }]),
    );
    const { message, details } = refusal(netconf({ tenants }));
    expect(message).toContain("/tenants/t0/fwmark");
    expect(message).toContain("the first of 12 problems");
    expect(details).toMatch(/^1\) \/tenants\/t0\/.*; 12\) \/tenants\/t11\//);
  });

  test("a flood is counted, not listed", () => {
    const flood = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`unknown-key-${i}`, "x".repeat(100)]),
    );
    const error = refusal(netconf(flood));
    expect(error.code).toBe(2);
    expect(error.details).toMatch(/and 980 more$/);
    expect(error.message.length + error.details.length).toBeLessThan(10_000);
  });

  test("schema and rules report together", () => {
    const text = refusalText(
      netconf({
        onError: "x",
        apiTimeout: "1ms",
        marks: { a: { mark: 17, mask: 16 }, b: { mark: "q" } },
      }),
    );
    for (const pointer of ["/onError", "/apiTimeout", "/marks/a", "/marks/b/mark"])
      expect(text).toContain(`${pointer} is `);
  });
});

test("hostile keys and values are printable in the message", () => {
  const text = refusalText(
    netconf({ "a\n\u001b[2J\u202e/~": "b\r\n\u0000\u2028", ["k".repeat(5000)]: 1, name: "\n%s" }),
  );
  expect(text).toMatch(/^[\x20-\x7e]+$/);
  expect(text.length).toBeLessThan(1500);
});
