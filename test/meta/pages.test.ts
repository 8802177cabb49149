/** What pages say of commands, paths and codes, against the code: on call, distributions, k3s, Cilium. */
import { KINDS } from "../../lib/checks/kinds";
import type { Kind } from "../../lib/checks/finding";
import { DISTRIBUTIONS } from "../../lib/node/cni/distributions";
import { COLLISIONS, FINDINGS } from "../../lib/routes/conflicts/kinds";
import { KNOWN_USERS } from "../../lib/routes/conflicts/known-users";
import { commandsIn } from "../helpers/shell-words";
import { fences, linksOf, read, section } from "../helpers/pages";

const ON_CALL = "docs/on-call.md";

/** What a node has: our command, iproute2, systemd, kubectl, and utilities of POSIX.1-2017. */
const ALLOWED = [
  ...["wrapper", "tenant-routing-wrapper", "ip", "systemctl", "journalctl", "kubectl"],
  ...[
    "awk",
    "cat",
    "cd",
    "chmod",
    "chown",
    "comm",
    "cp",
    "cut",
    "date",
    "df",
    "du",
    "echo",
    "find",
  ],
  ...[
    "grep",
    "head",
    "kill",
    "ls",
    "mv",
    "printf",
    "ps",
    "rm",
    "sed",
    "sort",
    "tail",
    "test",
    "tr",
  ],
  ...["true", "uniq", "wc", "xargs", "["],
];

describe("docs/on-call.md", () => {
  const [intro = "", ...rest] = read(ON_CALL).split(/^(?=## )/m);
  const sections = rest.map((text) => [text.split("\n")[0]?.slice(3) ?? "", text] as const);
  const rows = [...intro.matchAll(/^\| ([^|]+) \| ([^|]*) \| \[[^\]]+\]\(#([^)]+)\) \|$/gm)];
  const reference = ["Turn it off", "Read a log line", "Support bundle"];
  const symptoms = sections.filter(([title]) => !reference.includes(title));

  test("needs nothing on the node but what every node has", () => {
    const used = fences(ON_CALL, "sh").flatMap(commandsIn);
    expect(used).toContain("wrapper");
    expect(used.filter((name) => !ALLOWED.includes(name))).toEqual([]);
    const first = [...read(ON_CALL).matchAll(/^- Command: `([^`]+)`|^\| [^|]+ \| `([^`|]+)` \|/gm)];
    const inline = first.flatMap(([, bullet, cell]) => commandsIn(bullet ?? cell ?? ""));
    expect(inline.length).toBeGreaterThan(20);
    expect(inline.filter((name) => !ALLOWED.includes(name))).toEqual([]);
  });

  test("begins with wrapper status, and its table of symptoms ends on the first screen", () => {
    expect(commandsIn(fences(ON_CALL, "sh")[0] ?? "")).toEqual(["wrapper"]);
    expect(fences(ON_CALL, "sh")[0]).toMatch(/^wrapper status /);
    const lines = intro.split("\n");
    expect(lines.findLastIndex((line) => line.startsWith("|"))).toBeLessThan(45);
    expect(rows.length).toBeGreaterThan(15);
  });

  test("leads from each symptom to its section, and has no section that nothing leads to", () => {
    const anchors = sections.map(([title]) => title.toLowerCase().replaceAll(" ", "-"));
    const led = new Set(rows.map(([, , , anchor = ""]) => anchor));
    expect([...led].filter((anchor) => !anchors.includes(anchor))).toEqual([]);
    expect(anchors.filter((anchor) => !led.has(anchor))).toEqual(["read-a-log-line"]);
  });

  test.each(symptoms)("%s: meaning, command, what is good, remedy, codes", (_, text) => {
    const bullets = [...text.matchAll(/^- (\w+): /gm)].map(([, name]) => name);
    expect(bullets.slice(0, 5)).toEqual(["Means", "Command", "Good", "Remedy", "Codes"]);
    expect(text).toMatch(/^- Codes: \[TR\d{4}\]\(checks\.md#tr\d{4}\)/m);
  });

  test("names every code of a fault that status, drift or explain can find", () => {
    const failed = Object.entries(KINDS)
      .flatMap(([, area]) => Object.values<Kind<never>>(area))
      .filter(({ severity, category }) => severity === "failed" && category !== "conflist")
      .map(({ code }) => code);
    const routes = [...Object.values(COLLISIONS), ...Object.values(FINDINGS)].map(
      ({ code }) => code,
    );
    const named = namedCodes(read(ON_CALL));
    expect([...failed, ...routes].filter((code) => !named.has(code))).toEqual([]);
  });
});

/** Codes of a page, and those between two that are joined by "to". */
function namedCodes(text: string): ReadonlySet<string> {
  const codes = [...text.matchAll(/\bTR(\d{4})\b/g)].map(([code]) => code);
  const ranges = [...text.matchAll(/\[TR(\d{4})\]\([^)]*\)\s+to\s+\[TR(\d{4})\]/g)];
  const between = ranges.flatMap(([, from, to]) =>
    Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i).map(
      (number) => `TR${String(number).padStart(4, "0")}`,
    ),
  );
  return new Set([...codes, ...between]);
}

describe("docs/distributions.md", () => {
  const cells = [...read("docs/distributions.md").matchAll(/^\| (?! )(?!---)(.+) \|$/gm)]
    .map(([, row = ""]) => row.split(" | "))
    .filter(([name]) => DISTRIBUTIONS.some((each) => each.name === name));
  const code = (...words: readonly string[]): string =>
    words.map((word) => `\`${word}\``).join(", ");

  test.each(DISTRIBUTIONS.map((each) => [each.name, each] as const))(
    "has the places of %s as they are looked for",
    (name, { confDir, binDir, kubeconfig, configs, socket, restart }) => {
      expect(cells.filter(([first]) => first === name)).toEqual([
        [name, code(confDir), code(binDir), code(kubeconfig)],
        [name, code(...configs), code(socket), code(restart)],
      ]);
    },
  );

  test("each distribution has a source", () => {
    const page = read("docs/distributions.md");
    for (const { name } of DISTRIBUTIONS.filter((each) => each.runtime === "containerd"))
      expect(page).toMatch(new RegExp(`^- \\*\\*${name}\\*\\*: [^]*?\\]\\(https://`, "m"));
  });
});

test("docs/k3s.md has k3s's places, and its conflist names its kubelet's kubeconfig", () => {
  const k3s = DISTRIBUTIONS.find(({ name }) => name === "k3s");
  const page = read("docs/k3s.md");
  for (const place of [k3s?.confDir, k3s?.binDir, k3s?.kubeconfig, k3s?.restart])
    expect(page).toContain(place);
  for (const word of Object.values(k3s?.writes ?? { none: "none" })) expect(page).toContain(word);
  expect(fences("docs/k3s.md", "json").join("")).toContain(`"kubeconfig": "${k3s?.kubeconfig}"`);
});

test("docs/cilium.md has the bits that are known as Cilium's, and a mask beside them", () => {
  const page = read("docs/cilium.md");
  const cilium = KNOWN_USERS.find(({ name }) => name === "Cilium");
  const masks = (cilium?.bits ?? []).map(({ mask }) => mask);
  expect(masks.length).toBeGreaterThan(0);
  const marks = section("docs/cilium.md", "## Marks");
  for (const mask of masks) expect(marks).toContain(`0x${mask.toString(16)}`);
  const example = read("conf/examples/with-cilium-after.conflist");
  const [, written = ""] = /mask is (0x[0-9a-f]+)/.exec(page) ?? [];
  expect(example).toContain(`/${written}"`);
  expect(masks.filter((mask) => (mask & Number(written)) !== 0)).toEqual([]);
});

test.each(["docs/vpn.md", "docs/k3s.md", "docs/cilium.md", "docs/distributions.md"])(
  "%s says what was tried and what was not",
  (page) => {
    expect(read(page)).toMatch(/^(?:## What was tried|Tried )/m);
    expect(read(page)).toMatch(/\b(?:Not tried|not run|was run)\b/);
    expect(linksOf(page).length).toBeGreaterThan(0);
  },
);

test.each(["## Words of the field", "## This project's words"])(
  "docs/glossary.md, %s: in alphabetical order, each once, and one sentence",
  (heading) => {
    const text = section("docs/glossary.md", heading).replaceAll(/\n {2}/g, " ");
    const entries = [...text.matchAll(/^- \*\*(.+?)\*\*: (.+)$/gm)];
    expect(entries.length).toBeGreaterThan(20);
    expect(entries).toHaveLength(text.split("\n").filter((line) => line.startsWith("- ")).length);
    const words = entries.map(([, word = ""]) => word.toLowerCase().replaceAll(/[^a-z0-9 ]/g, ""));
    expect(words).toEqual([...new Set(words)].sort());
    for (const [, , sentence] of entries) expect(sentence).toMatch(/^[^.]+(?:\.[^ ][^.]*)*\.$/);
  },
);
