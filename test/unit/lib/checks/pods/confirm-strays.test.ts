/** Marks that no record accounts for, in the two looks of `wrapper check`. */
import type { Look } from "../../../../../lib/checks/pods/look";
import { findingsOf } from "../../../../../cmd/check/report";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { KEY, record, TAG } from "../../../../helpers/context";
import { FakeNode, installMarks, LABEL, lookAtAll, print, WORKER, type Printed } from "./set-up";

let node: FakeNode;

beforeEach(async () => {
  node = new FakeNode();
  node.records.set(TAG, record());
  await install();
});

const install = (key = KEY): Promise<void> => installMarks(node, key);
const uninstall = (): void => void (node.kernel.installed = []);
const look = (): Promise<Look> => lookAtAll(node);
const check = (): Promise<Printed> => print(node);
const DELETING = { state: "deleting", owner: WORKER } as const;

describe("a rule without attachment", () => {
  const OTHER = { ...KEY, containerId: "c2" };
  const line = `rule without attachment: ${LABEL} ${attachmentTag(OTHER)} on 10.0.0.5 (nft)`;
  beforeEach(async () => {
    node.records.delete(TAG);
    uninstall();
    await install(OTHER);
  });

  test("is one in both looks", async () => {
    expect(await check()).toEqual({ good: false, lines: [line, line], rows: 0, once: false });
  });

  test.each([
    ["its record came while the rules were listed", "list 1"],
    ["its record came in the pause", "pause 1"],
  ])("%s: it is none", async (_, moment) => {
    node.script = {
      [moment]: () => void node.records.set(attachmentTag(OTHER), record({ key: OTHER })),
    };
    expect(await check()).toMatchObject({ good: true, lines: [] });
  });

  test("the record was there before the listing: it is none", async () => {
    node.records.set(attachmentTag(OTHER), record({ key: OTHER, ...DELETING }));
    node.script = { "list 1": () => void node.records.clear() };
    expect(await check()).toMatchObject({ good: true, lines: [] });
  });

  test("it is gone in the second look: it is none", async () => {
    node.script = { "pause 1": uninstall };
    expect(await check()).toMatchObject({ good: true, lines: [] });
  });

  test("when one pod was asked for, nothing is said of it", async () => {
    expect(findingsOf(await look(), false).strays).toEqual([]);
  });
});
