import { parseResult, podAddresses, resultOfPrevious } from "../../../../lib/cni/result";
import type { CniVersion } from "../../../../lib/cni/version";
import type { JsonObject } from "../../../../lib/cni/json";

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const read = (value: unknown, version: CniVersion = "1.0.0") =>
  parseResult(bytes(value), version, "delegate");
const addresses = (json: JsonObject, version: CniVersion = "1.0.0") =>
  podAddresses(json, version, "eth0", "delegate").map((a) => a.ip);
const POD = { name: "eth0", sandbox: "/run/netns/x" };

describe("parseResult", () => {
  test("keeps the delegate's bytes when the version is the config's", () => {
    const text = ' {"cniVersion": "1.0.0",\n "ips": [], "x": 12345678901234567890 }\n';
    expect(read(text).output).toBe(text);
  });
  test("fills in a missing version", () => {
    expect(JSON.parse(read({ ips: [] }).output)).toEqual({ cniVersion: "1.0.0", ips: [] });
  });
  test.each(["null", "[]", "text", "", "{}{}", '{"cniVersion":"9.9.9"}', '{"cniVersion":7}'])(
    "refuses %j",
    (text) => {
      expect(() => read(text)).toThrow(expect.objectContaining({ code: 102 }));
    },
  );
});

describe("podAddresses", () => {
  test("takes the addresses of the pod's interface, /24 or not, both families, once", () => {
    const json = {
      interfaces: [{ name: "veth1" }, POD],
      ips: [
        { interface: 1, address: "10.0.0.5/24" },
        { interface: 1, address: "10.0.0.5/32" },
        { interface: 1, address: "FD00:0::5/64" },
        { interface: 0, address: "10.0.0.9/24" },
      ],
    };
    expect(addresses(json)).toEqual(["10.0.0.5", "fd00::5"]);
  });
  test("an address without an interface, or with -1, belongs to the interface asked for", () => {
    expect(
      addresses({ ips: [{ address: "10.0.0.5/24" }, { interface: -1, address: "10.0.0.6/24" }] }),
    ).toEqual(["10.0.0.5", "10.0.0.6"]);
  });
  test("an interface of that name on the host side does not count", () => {
    expect(
      addresses({
        interfaces: [{ name: "eth0" }],
        ips: [{ interface: 0, address: "10.0.0.5/24" }],
      }),
    ).toEqual([]);
  });
  test.each([2, "0", 1.5, {}])("refuses the interface index %j", (index) => {
    expect(() =>
      addresses({
        interfaces: [POD],
        ips: [{ interface: index as never, address: "10.0.0.5/24" }],
      }),
    ).toThrow(/which the result does not list/);
  });
  test.each([
    "example.com",
    "0.0.0.0/0",
    "10.0.0.5/24; x",
    "fe80::1%eth0/64",
    "::ffff:10.0.0.1/128",
    "10.0.0.5",
    "10.0.0.5/33",
    "10.0.0.5/024",
    "010.0.0.5/24",
    "10.0.5/24",
    "127.0.0.1/8",
    "224.0.0.1/32",
    "::/0",
    "::1/128",
    "ff02::1/128",
    "1:2:3/64",
    "10.0.0.5/24/1",
    "",
  ])("refuses %j", (address) => {
    expect(() => addresses({ ips: [{ address }] })).toThrow(expect.objectContaining({ code: 102 }));
  });
  test.each([{ ips: "x" }, { ips: ["x"] }, { ips: [{}] }, { interfaces: {}, ips: [] }])(
    "refuses %j",
    (json) => {
      expect(() => addresses(json as never)).toThrow(expect.objectContaining({ code: 102 }));
    },
  );
  test("refuses more addresses than an interface has", () => {
    const ips = Array.from({ length: 10_000 }, (_, i) => ({
      address: `10.0.${i >> 8}.${i & 255}/32`,
    }));
    expect(() => addresses({ ips })).toThrow(/10000 addresses/);
  });
  test("reads ip4 and ip6 of the oldest versions", () => {
    expect(addresses({ ip4: { ip: "10.0.0.5/24" }, ip6: { ip: "fd00::5/64" } }, "0.2.0")).toEqual([
      "10.0.0.5",
      "fd00::5",
    ]);
  });
});

describe("conversion", () => {
  const OLD = {
    cniVersion: "0.2.0",
    ip4: { ip: "10.0.0.5/24", gateway: "10.0.0.1", routes: [{ dst: "0.0.0.0/0" }] },
    ip6: { ip: "fd00::5/64" },
    dns: {},
  };
  const MIDDLE = {
    cniVersion: "0.3.1",
    interfaces: [POD],
    ips: [{ version: "4", interface: 0, address: "10.0.0.5/24", gateway: "10.0.0.1" }],
    routes: [{ dst: "0.0.0.0/0" }],
    dns: {},
  };
  const NEW = {
    cniVersion: "1.1.0",
    interfaces: [{ ...POD, mtu: 1400, pciID: "x" }],
    ips: [{ interface: 0, address: "10.0.0.5/24" }],
    routes: [{ dst: "0.0.0.0/0", mtu: 1, table: 5 }],
  };

  test("0.2 to 1.0", () => {
    expect(read(OLD).json).toEqual({
      cniVersion: "1.0.0",
      dns: {},
      routes: [{ dst: "0.0.0.0/0" }],
      ips: [{ address: "10.0.0.5/24", gateway: "10.0.0.1" }, { address: "fd00::5/64" }],
    });
  });
  test("0.2 to 0.4 gives each address its version", () => {
    expect(read(OLD, "0.4.0").json["ips"]).toEqual([
      { version: "4", address: "10.0.0.5/24", gateway: "10.0.0.1" },
      { version: "6", address: "fd00::5/64" },
    ]);
  });
  test("0.3.1 to 1.0 drops the address version", () => {
    expect(read(MIDDLE).json["ips"]).toEqual([
      { interface: 0, address: "10.0.0.5/24", gateway: "10.0.0.1" },
    ]);
  });
  test("1.1 to 1.0 drops what 1.0 does not know", () => {
    expect(read(NEW).json).toMatchObject({ interfaces: [POD], routes: [{ dst: "0.0.0.0/0" }] });
  });
  test("1.1 to 0.2 keeps the first address of each family", () => {
    const json = {
      ...NEW,
      ips: [...NEW.ips, { address: "10.0.0.6/24" }, { address: "fd00::5/64", gateway: "fd00::1" }],
    };
    expect(read(json, "0.2.0").json).toEqual({
      cniVersion: "0.2.0",
      ip4: { ip: "10.0.0.5/24", routes: [{ dst: "0.0.0.0/0" }] },
      ip6: { ip: "fd00::5/64", gateway: "fd00::1" },
    });
  });
  test("0.1 to 0.2 only relabels", () => {
    expect(read({ ...OLD, cniVersion: "0.1.0" }, "0.2.0").json).toEqual(OLD);
  });
  test("a result without an address cannot become a 0.2 one", () => {
    expect(() => read({ cniVersion: "1.0.0", ips: [] }, "0.2.0")).toThrow(/no address/);
  });
  test("keeps fields that it does not know", () => {
    expect(read({ ...MIDDLE, extra: { a: 1 } }).json["extra"]).toEqual({ a: 1 });
  });
});

test("resultOfPrevious passes prevResult through", () => {
  const prev = {
    cniVersion: "1.0.0",
    interfaces: [POD],
    ips: [{ interface: 0, address: "10.0.0.5/24" }],
  };
  expect(JSON.parse(resultOfPrevious(prev, "1.0.0").output)).toEqual(prev);
});
