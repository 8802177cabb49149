import { decideMark, matchesAnyGlob, matchesGlob } from "../../../../lib/attachment/choose-mark";
import { confWith, tenantWith } from "../../../helpers/conf-object";

const KEY = "tenant.routing/fwmark";
const decide = (value: string, conf = {}, namespace: string | undefined = "team-a") =>
  decideMark(confWith(conf), { key: KEY, value, source: "pod" }, namespace);
const CATALOGUE = {
  tenants: [
    tenantWith({ namespaces: ["team-a", "team-a-*"] }),
    tenantWith({ name: "vpn", mark: { value: 0x20, mask: 0xff } }),
  ],
};

describe("without a catalogue", () => {
  test("any non-zero literal is a mark", () => {
    expect(decide("0x10/0xff")).toEqual({ mark: { value: 16, mask: 255 }, tenant: undefined });
  });
  test.each(["", "0", "010", " 0x10", "16abc", "0x10;reboot", "\u001b[31m"])(
    "refuses %j with code 7, key and value named",
    (value) => {
      expect(() => decide(value)).toThrow(
        expect.objectContaining({ code: 7, message: expect.stringContaining(KEY) }),
      );
    },
  );
});

describe("with a catalogue", () => {
  test.each(["tenant-a", "0x10/0xff", "16/255", "0x10", "16"])("%s means tenant-a", (value) => {
    expect(decide(value, CATALOGUE).tenant?.name).toBe("tenant-a");
  });
  test.each(["tenant-b", "0x10/0xf0", "0x30", "", "constructor"])(
    "refuses %j and lists what there is",
    (value) => {
      expect(() => decide(value, CATALOGUE)).toThrow(
        expect.objectContaining({
          code: 7,
          message: expect.stringContaining("tenant-a (0x10/0xff), vpn"),
        }),
      );
    },
  );
  test("a namespace outside the list is refused, by name and by literal alike", () => {
    for (const value of ["tenant-a", "0x10"]) {
      expect(() => decide(value, CATALOGUE, "team-b")).toThrow(
        expect.objectContaining({ code: 106 }),
      );
    }
    expect(decide("tenant-a", CATALOGUE, "team-a-dev").tenant?.name).toBe("tenant-a");
    expect(decide("vpn", CATALOGUE, "team-b").tenant?.name).toBe("vpn");
  });
  test("a limited tenant needs to know the namespace", () => {
    expect(() =>
      decideMark(confWith(CATALOGUE), { key: KEY, value: "tenant-a", source: "pod" }, undefined),
    ).toThrow(/K8S_POD_NAMESPACE/);
  });
  test("an empty catalogue refuses everything", () => {
    expect(() => decide("0x10", { tenants: [] })).toThrow(expect.objectContaining({ code: 7 }));
  });
});

describe("namespace patterns", () => {
  test.each([
    ["team-a", "team-a", true],
    ["team-a", "team-ab", false],
    ["team-*", "team-", true],
    ["team-*", "xteam-a", false],
    ["*", "", true],
    ["*-prod", "a-prod", true],
    ["*-prod", "prod", false],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["a*a", "a", false],
    ["a**", "a", true],
    ["a.c", "abc", false],
    ["[a]", "a", false],
  ])("%s against %j: %s", (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  test("any of several patterns is enough", () => {
    expect(matchesAnyGlob(["x", "team-*"], "team-a")).toBe(true);
    expect(matchesAnyGlob([], "team-a")).toBe(false);
  });

  test("hostile patterns take no time", () => {
    expect(matchesGlob("*a".repeat(200), "a".repeat(10_000) + "b")).toBe(false);
  });
});
