/** The forms for programs and pictures. */
import { toDot } from "../../../../../lib/explain/render/dot";
import { toJson } from "../../../../../lib/explain/render/json";
import { toMermaid } from "../../../../../lib/explain/render/mermaid";
import { boxesOf, escapeXml } from "../../../../../lib/explain/render/picture";
import { toSvg } from "../../../../../lib/explain/render/svg";
import { SAMPLE } from "./sample";

/** Names of the elements of a well-formed document, in their order; throws for any other text. */
function elementsOf(xml: string): readonly string[] {
  const names: string[] = [];
  const open: string[] = [];
  const body = xml.replace(/^<\?xml [^?]*\?>\s*/, "");
  const token = /<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<&]*")*) ?(\/?)>|(&#\d+;|[^<&])/gy;
  for (const match of body.matchAll(token)) {
    const [, closing, name = "", , empty, text] = match;
    if (text !== undefined) continue;
    if (closing === "/") expect(open.pop()).toBe(name);
    else names.push(name);
    if (closing === "" && empty === "") open.push(name);
  }
  expect(body.replace(token, "")).toBe("");
  expect(open).toEqual([]);
  return names;
}

test("the SVG is well-formed, and needs nothing from elsewhere", () => {
  const svg = toSvg([SAMPLE, SAMPLE]);
  const names = elementsOf(svg);
  expect(names[0]).toBe("svg");
  // Three boxes a path, and what is behind them.
  expect(names.filter((name) => name === "rect")).toHaveLength(1 + 2 * 3);
  expect(names.filter((name) => name === "path")).toHaveLength(2 * 2);
  expect(svg).not.toMatch(/href|url\(|<script|<style|<image/);
  expect(svg.match(/https?:[^"]*/g)).toEqual(["http://www.w3.org/2000/svg"]);
  expect(svg).toContain("next hop: 10.10.10.1 is silent");
});

test("markup of others and controls do nothing in XML", () => {
  expect(escapeXml(`<a href="x">&'\u0000\u202e`)).toBe("&#60;a href=&#34;x&#34;&#62;&#38;&#39;??");
});

test("a broken document is told by this test's own eyes", () => {
  expect(() => elementsOf("<svg><g></svg>")).toThrow();
  expect(() => elementsOf("<svg>a & b</svg>")).toThrow();
});

test("the flowchart has a box for each stage and a class for each state", () => {
  expect(toMermaid([SAMPLE])).toBe(`flowchart TD
  p0s0["<b>mark</b><br/>0x10 when it is routed<br/>rule: sets 0x10/0xff, 12 packets, 840 bytes<br/>UNKNOWN other rules: may change the mark, it is not known..."]:::warning
  p0s1["<b>gateway</b><br/>10.10.10.1 on eth1<br/>FAILED next hop: 10.10.10.1 is silent"]:::failed
  p0s0 --> p0s1
  p0s2["<b>203.0.113.9:443</b><br/>team-a/web-0 -#62; 203.0.113.9:443 is sent out by 10.10.10.1..."]:::failed
  p0s1 --> p0s2
  classDef ok fill:#e6f4ea,stroke:#1e7e34,color:#1a202c
  classDef unknown fill:#e7f0fa,stroke:#2b6cb0,color:#1a202c
  classDef warning fill:#fff4d6,stroke:#b7791f,color:#1a202c
  classDef failed fill:#fde8e8,stroke:#c53030,color:#1a202c
`);
});

test("the flowchart writes what it would act on by its number", () => {
  const odd = { name: "x", what: '#quot; "a" <b>\u0007', state: "ok" } as const;
  expect(toMermaid([{ ...SAMPLE, steps: [odd] }])).toContain("<br/>#35;quot; #34;a#34; #60;b#62;?");
});

test("the graph quotes what is in its labels", () => {
  const dot = toDot([SAMPLE]);
  expect(dot).toContain('p0s1 [label="gateway\\l10.10.10.1 on eth1\\lFAILED next hop');
  expect(dot).toContain("p0s0 -> p0s1;");
  const odd = { name: 'a"b\\', what: "c\nd", state: "ok" } as const;
  expect(toDot([{ ...SAMPLE, steps: [odd] }])).toContain('label="a\\"b\\\\\\lc?d\\l"');
});

test("the object has the same, with the page of each finding", () => {
  const { conf, paths } = JSON.parse(toJson("/x.conflist", [SAMPLE])) as {
    conf: string;
    paths: { first: object; steps: { steps: { finding?: object }[] }[] }[];
  };
  expect(conf).toBe("/x.conflist");
  const page = { code: "TR0914", page: "docs/checks.md#tr0914" };
  expect(paths[0]?.first).toMatchObject(page);
  expect(paths[0]?.steps[1]?.steps[0]?.finding).toMatchObject(page);
  expect(JSON.parse(toJson("/x", [{ ...SAMPLE, first: undefined }]))).toMatchObject({
    paths: [{ first: null }],
  });
});

test("long lines are cut in pictures", () => {
  const [box] = boxesOf(SAMPLE);
  expect(Math.max(...(box?.lines ?? []).map((line) => line.length))).toBe(60);
});
