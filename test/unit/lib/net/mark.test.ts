import {
  FULL_MASK,
  formatMark,
  makeMark,
  parseMark,
  parseUint32,
  sameMark,
} from "../../../../lib/net/mark";

describe("parseMark", () => {
  test.each([
    ["16", { value: 16, mask: FULL_MASK }],
    ["0x10", { value: 16, mask: FULL_MASK }],
    ["0X10/0xFF", { value: 16, mask: 255 }],
    ["16/255", { value: 16, mask: 255 }],
    ["0xffffffff", { value: FULL_MASK, mask: FULL_MASK }],
    ["4294967295", { value: FULL_MASK, mask: FULL_MASK }],
    ["0x80000000/0x80000000", { value: 0x80000000, mask: 0x80000000 }],
  ])("reads %s", (text, mark) => {
    expect(parseMark(text)).toEqual(mark);
  });

  test.each([
    "",
    " 16",
    "16 ",
    "010",
    "1e3",
    "0b11",
    "-1",
    "+1",
    "0x100000000",
    "4294967296",
    "16abc",
    "0x",
    "0x10;reboot",
    "16/",
    "/16",
    "1/2/3",
    "１６",
    "0x10\n",
  ])("refuses %j as not a number", (text) => {
    expect(parseMark(text)).toMatch(/^not a number/);
  });

  test("refuses a megabyte of digits", () => {
    expect(parseMark("9".repeat(1 << 20))).toMatch(/^not a number/);
  });

  test("refuses zero, an empty mask and bits outside the mask", () => {
    expect(parseMark("0")).toMatch(/value is 0/);
    expect(parseMark("0x10/0")).toMatch(/mask is 0/);
    expect(parseMark("0x110/0xff")).toMatch(/outside its mask/);
    expect(parseMark("0x80000001/0x80000000")).toMatch(/outside its mask/);
  });

  test("gives a literal without a mask the default mask", () => {
    expect(parseMark("16", 255)).toEqual({ value: 16, mask: 255 });
    expect(parseMark("256", 255)).toMatch(/outside its mask/);
  });
});

test("parseUint32 knows the edges of 32 bits", () => {
  expect(parseUint32("0")).toBe(0);
  expect(parseUint32("4294967295")).toBe(FULL_MASK);
  expect(parseUint32("4294967296")).toBeUndefined();
});

test("formatMark writes what iptables prints, unsigned", () => {
  expect(formatMark({ value: 0x80000000, mask: FULL_MASK })).toBe("0x80000000/0xffffffff");
});

test("sameMark compares value and mask", () => {
  const mark = makeMark(16, 255);
  if (typeof mark === "string") throw new Error(mark);
  expect(sameMark(mark, { value: 16, mask: 255 })).toBe(true);
  expect(sameMark(mark, { value: 16, mask: 240 })).toBe(false);
  expect(sameMark(mark, { value: 17, mask: 255 })).toBe(false);
});
