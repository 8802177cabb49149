/** The two looks of `wrapper check`. */
import type { Look } from "../../../../../lib/checks/pods/look";
import { findingsOf, toText } from "../../../../../cmd/check/report";
import type { Attachment } from "../../../../../lib/attachment/journal";
import { KEY, record, TAG } from "../../../../helpers/context";
import {
  FakeNode,
  installMarks,
  LABEL,
  lookAtAll,
  print,
  WORKER,
  type Printed,
  type Script,
} from "./set-up";

let node: FakeNode;

beforeEach(async () => {
  node = new FakeNode();
  node.records.set(TAG, record());
  await install();
});

const install = (key = KEY): Promise<void> => installMarks(node, key);
const uninstall = (): void => void (node.kernel.installed = []);
const set = (part: Partial<Attachment>): void => void node.records.set(TAG, record(part));
const forget = (): void => void node.records.delete(TAG);
const look = (): Promise<Look> => lookAtAll(node);
const check = (): Promise<Printed> => print(node);
const said = (...texts: string[]) => texts.map((text) => `${LABEL} (c1): ${text}`);
const DELETING = { state: "deleting", owner: WORKER } as const;
const ADDING = { state: "intent", owner: WORKER, addresses: [] } as const;
const CHANGED = "its record changed while it was looked at, so it was not judged: look again";

test("all is well: one look", async () => {
  expect(await check()).toEqual({ good: true, lines: [], rows: 1, once: true });
});

describe("while its owner lives it is under way: a note, and no second look", () => {
  test.each([
    ["DEL", DELETING],
    ["ADD", ADDING],
  ])("%s", async (verb, part) => {
    set(part);
    uninstall();
    node.alive.add(WORKER.pid);
    expect(await check()).toEqual({
      good: true,
      lines: said(`its ${verb} is under way (process 77)`),
      rows: 1,
      once: true,
    });
  });

  test("the verdict is busy, and programs get it as a note", async () => {
    set(DELETING);
    node.alive.add(WORKER.pid);
    const findings = findingsOf(await look(), true);
    expect(toText("x", findings)).toMatch(/^team-a\/web-0 .* busy$/m);
    expect(findings.reports).toMatchObject([
      { problems: [], notes: ["its DEL is under way (process 77)"] },
    ]);
  });
});

test.each([
  ["DEL", DELETING],
  ["ADD", ADDING],
])(
  "a dead owner's %s did not finish, and nothing is said of rules that such a one leaves or not",
  async (verb, part) => {
    set(part);
    expect(await check()).toEqual({
      good: false,
      lines: said(`its ${verb} did not finish`),
      rows: 1,
      once: false,
    });
  },
);

/** The pod's DEL begins, with its rules removed; and it is over. */
const begins = (): void => {
  set(DELETING);
  node.alive.add(WORKER.pid);
  uninstall();
};
const ends = (): void => {
  node.alive.clear();
  uninstall();
  forget();
};

interface Passing {
  readonly what: string;
  readonly script: Script;
  readonly verdicts?: string[];
  readonly lines: readonly string[];
  readonly rows: number;
}

const PASSING: readonly Passing[] = [
  {
    what: "a DEL begins while the rules are listed",
    script: { "list 1": begins },
    lines: said("its DEL is under way (process 77)"),
    rows: 1,
  },
  {
    what: "a DEL begins and ends while the rules are listed",
    script: { "list 1": ends },
    lines: [],
    rows: 0,
  },
  {
    what: "a DEL begins while the delegate is asked",
    script: { "delegate 1": begins },
    verdicts: ["no interface"],
    lines: said("its DEL is under way (process 77)"),
    rows: 1,
  },
  {
    what: "a DEL ends while the delegate is asked",
    script: { "delegate 1": ends },
    verdicts: ["no interface"],
    lines: [],
    rows: 0,
  },
  {
    what: "a DEL begins in the pause",
    script: { "pause 1": begins },
    verdicts: ["no interface"],
    lines: said("its DEL is under way (process 77)"),
    rows: 1,
  },
  {
    what: "a DEL ends in the pause",
    script: { "pause 1": ends },
    verdicts: ["no interface"],
    lines: [],
    rows: 0,
  },
  {
    what: "a DEL begins during the second look",
    script: { "delegate 2": begins },
    verdicts: ["no interface", "no interface"],
    lines: said("its DEL is under way (process 77)"),
    rows: 1,
  },
  {
    what: "the delegate is content the second time",
    script: {},
    verdicts: ["no interface", "ok"],
    lines: [],
    rows: 1,
  },
];

test.each(PASSING)("$what: nothing is wrong", async ({ script, verdicts = [], lines, rows }) => {
  node.script = script;
  node.verdicts = [...verdicts];
  expect(await check()).toMatchObject({ good: true, lines, rows });
});

test("rules that are there again in the second look were never missing; the delegate is not asked again", async () => {
  const { installed } = node.kernel;
  uninstall();
  node.script = { "pause 1": () => (node.kernel.installed = installed) };
  expect(await check()).toEqual({ good: true, lines: [], rows: 1, once: false });
  expect(node.moments).toEqual(["list 1", "delegate 1", "pause 1", "list 2"]);
});

test("an ADD that ends while the rules are listed is judged by the second listing", async () => {
  set(ADDING);
  node.alive.add(WORKER.pid);
  node.script = { "list 1": () => set({}) };
  expect(await check()).toEqual({ good: true, lines: [], rows: 1, once: false });
  expect(node.moments).toEqual(["list 1", "pause 1", "list 2", "delegate 1"]);
});

test("what only the second look saw, of a record that changed, is not reported: look again", async () => {
  set(ADDING);
  uninstall();
  node.script = { "pause 1": () => set({ since: "2026-01-01T00:00:09.000Z" }) };
  expect(await check()).toEqual({ good: true, lines: said(CHANGED), rows: 1, once: false });
});

test("a container that was deleted and added again between the looks is another one", async () => {
  node.verdicts = ["no interface", "no interface"];
  node.script = { "pause 1": () => set({ since: "2026-01-01T00:00:09.000Z" }) };
  expect(await check()).toEqual({ good: true, lines: said(CHANGED), rows: 1, once: false });
});

describe("real faults, in both looks", () => {
  test("rules are missing", async () => {
    uninstall();
    expect(await check()).toEqual({
      good: false,
      lines: said("mark rule for 10.0.0.5 is missing", "reply rule for 10.0.0.5 is missing"),
      rows: 1,
      once: false,
    });
  });

  test("the delegate's CHECK fails, with what it said last", async () => {
    node.verdicts = ["no interface 1", "no interface 2"];
    expect(await check()).toEqual({
      good: false,
      lines: said("delegate: no interface 2"),
      rows: 1,
      once: false,
    });
  });

  test("a record cannot be used, and the others are reported", async () => {
    node.records.set("odd", "no JSON");
    const { good, lines, rows } = await check();
    expect([good, lines, rows]).toEqual([
      false,
      ["? (?): journal record odd is unusable: no JSON"],
      2,
    ]);
  });
});
