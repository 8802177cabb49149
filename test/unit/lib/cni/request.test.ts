import { CniError } from "../../../../lib/cni/error";
import { attachmentKey, parseNetconf, parseRequest, podRef } from "../../../../lib/cni/request";

const ENV = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/x",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin",
};

function caught(body: () => unknown): CniError {
  try {
    body();
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("did not throw");
}

describe("parseRequest", () => {
  test("reads everything once", () => {
    const request = parseRequest({
      ...ENV,
      CNI_PATH: "/a::/b",
      CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=p;X=;bad;K8S_POD_NAME=q",
    });
    expect(request).toMatchObject({
      verb: "ADD",
      containerId: "c1",
      netns: "/run/netns/x",
      ifname: "eth0",
      path: ["/a", "/b"],
      netnsOverride: false,
    });
    expect([...request.args]).toEqual([
      ["IgnoreUnknown", "1"],
      ["K8S_POD_NAME", "q"],
      ["X", ""],
    ]);
    expect(attachmentKey("net", request)).toEqual({
      network: "net",
      containerId: "c1",
      ifname: "eth0",
    });
  });

  const REQUIRED: Record<string, string[]> = {
    ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
    CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
    DEL: ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
    GC: ["CNI_PATH"],
    STATUS: ["CNI_PATH"],
    VERSION: [],
  };
  const VARIABLES = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
  const table = Object.keys(REQUIRED).flatMap((verb) =>
    VARIABLES.map((name) => [verb, name] as const),
  );
  test.each(table)("%s with an empty %s", (verb, name) => {
    const run = () => parseRequest({ ...ENV, CNI_COMMAND: verb, [name]: "" });
    if (!REQUIRED[verb]?.includes(name)) return expect(run().verb).toBe(verb);
    expect(caught(run)).toMatchObject({
      code: 4,
      message: `required env variables [${name}] missing`,
    });
  });

  test("names all missing variables in the reference order", () => {
    expect(caught(() => parseRequest({ CNI_COMMAND: "ADD", CNI_CONTAINERID: "x" })).message).toBe(
      "required env variables [CNI_NETNS,CNI_IFNAME,CNI_PATH] missing",
    );
  });

  test.each(["add", "NOPE", "", "constructor"])("refuses the command %j", (verb) => {
    expect(caught(() => parseRequest({ ...ENV, CNI_COMMAND: verb })).code).toBe(4);
  });

  test.each(["some-%%id", "-a", "../x", "a b", "é"])("refuses the container ID %j", (id) => {
    expect(caught(() => parseRequest({ ...ENV, CNI_CONTAINERID: id }))).toMatchObject({ code: 4 });
  });

  test.each([
    "x".repeat(16),
    ".",
    "..",
    "a/b",
    "a:b",
    "a b",
    "é".repeat(8),
    "a\u00a0b",
    "a\u001b",
    "a\u009b",
    "\u202ea",
    "a\ufffd",
  ])("refuses the interface name %j", (name) => {
    expect(caught(() => parseRequest({ ...ENV, CNI_IFNAME: name })).code).toBe(4);
  });

  test("accepts 15 bytes of interface name", () => {
    expect(parseRequest({ ...ENV, CNI_IFNAME: "x".repeat(15) }).ifname).toHaveLength(15);
  });

  test.each([
    ["1", true],
    ["TRUE", true],
    ["true", true],
    ["0", false],
    ["yes", false],
  ])("CNI_NETNS_OVERRIDE=%s", (value, expected) => {
    expect(parseRequest({ ...ENV, CNI_NETNS_OVERRIDE: value }).netnsOverride).toBe(expected);
  });
});

describe("podRef", () => {
  const withArgs = (args: string) => podRef(parseRequest({ ...ENV, CNI_ARGS: args }));
  test("reads namespace, name and UID", () => {
    expect(withArgs("K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;K8S_POD_UID=c-1")).toEqual({
      namespace: "a",
      name: "b",
      uid: "c-1",
    });
    expect(withArgs("K8S_POD_NAMESPACE=a;K8S_POD_NAME=b")).toEqual({ namespace: "a", name: "b" });
  });
  test("is undefined when either name is missing", () => {
    expect(withArgs("K8S_POD_NAME=b")).toBeUndefined();
    expect(withArgs("K8S_POD_NAMESPACE=a")).toBeUndefined();
  });
  test.each([
    "K8S_POD_NAME=../../secrets/x",
    "K8S_POD_NAME=a?b",
    "K8S_POD_NAME=%2e",
    "K8S_POD_NAMESPACE=a.b",
    "K8S_POD_UID=a/b",
  ])("refuses %s", (args) => {
    expect(caught(() => withArgs(`K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;${args}`)).code).toBe(4);
  });
});

describe("parseNetconf", () => {
  const parse = (text: string, verb: "ADD" | "CHECK" | "GC" | "STATUS" = "ADD") =>
    parseNetconf(new TextEncoder().encode(text), verb);
  test("takes a missing cniVersion as 0.1.0", () => {
    expect(parse('{"name":"n"}').cniVersion).toBe("0.1.0");
    expect(parse('{"name":"n","cniVersion":""}').cniVersion).toBe("0.1.0");
  });
  test.each([
    ["[]", 6],
    ["null", 7],
    ["{}", 7],
    ['{"name":""}', 7],
    ['{"name":"te%%st"}', 7],
    ['{"name":7}', 6],
    ['{"name":"n","cniVersion":7}', 6],
    ['{"name":"n","cniVersion":"9.9.9"}', 1],
    ['{"name":"n","cniVersion":"1.0"}', 1],
  ])("answers %s with code %i", (text, code) => {
    expect(caught(() => parse(text)).code).toBe(code);
  });
  test("an unknown version lists both sides in its details", () => {
    expect(caught(() => parse('{"name":"n","cniVersion":"9.9.9"}')).details).toMatch(
      /9\.9\.9.*1\.1\.0/,
    );
  });
  test.each([
    ["CHECK", "0.3.1"],
    ["GC", "1.0.0"],
    ["STATUS", "1.0.0"],
  ] as const)("%s is not allowed with %s", (verb, version) => {
    expect(caught(() => parse(`{"name":"n","cniVersion":"${version}"}`, verb))).toMatchObject({
      code: 1,
      message: expect.stringMatching(/does not allow/),
    });
  });
});
