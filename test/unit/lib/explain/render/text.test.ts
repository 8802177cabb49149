import { toText, wrapped } from "../../../../../lib/explain/render/text";
import { SAMPLE } from "./sample";

const PLAIN = { boxes: false, colours: false };

test("the tree, the verdict, and the first fault with its remedy on a line of its own", () => {
  expect(toText(SAMPLE, PLAIN)).toBe(`team-a/web-0 -> 203.0.113.9:443
|- mark        WARNING 0x10 when it is routed
|  |- rule        sets 0x10/0xff, 12 packets, 840 bytes
|  \`- other rules ? may change the mark, it is not known: "-A PREROUTING -m comment --comment "a &
|                 <b>" -j MARK" of iptables-nft mangle PREROUTING
\`- gateway     FAILED 10.10.10.1 on eth1
   \`- next hop    FAILED 10.10.10.1 is silent

team-a/web-0 -> 203.0.113.9:443 is sent out by 10.10.10.1 on eth1 as tenant-a.

FAILED TR0914: gateway 10.10.10.1 on eth1 is silent (no answer to neighbour discovery; neighbour
FAILED), so packets to it are lost.
  start the gateway 10.10.10.1
  (docs/checks.md#tr0914)
`);
});

test("box characters and colours change nothing else", () => {
  const plain = toText(SAMPLE, PLAIN);
  const boxes = toText(SAMPLE, { boxes: true, colours: false });
  expect(boxes.split("\n")[1]).toBe("├─ mark        WARNING 0x10 when it is routed");
  expect(boxes.replaceAll("├─", "|-").replaceAll("└─", "`-").replaceAll("│", "|")).toBe(plain);
  const coloured = toText(SAMPLE, { boxes: false, colours: true });
  expect(coloured).toContain("\u001b[31mFAILED\u001b[0m 10.10.10.1 on eth1");
  expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(plain);
});

test("without a finding there is the verdict alone", () => {
  const { first: _first, ...rest } = SAMPLE;
  expect(toText({ ...rest, first: undefined }, PLAIN)).toMatch(/as tenant-a\.\n$/);
});

test("lines break between words, and a long word stays whole", () => {
  expect(wrapped(`aa bb ${"x".repeat(40)} cc`, 30)).toEqual(["aa bb", "x".repeat(40), "cc"]);
});
