/** A second backend beside iptables, in the composition that the node uses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { driftOf, driftText } from "../../../../lib/attachment/drift";
import { CniError, RulesUntouched } from "../../../../lib/cni/error";
import { combineBackends } from "../../../../lib/marks/combine";
import { createIptablesBackend } from "../../../../lib/marks/iptables/backend";
import { restoreInput, ruleSpecs } from "../../../../lib/marks/iptables/format";
import { attachmentTag } from "../../../../lib/marks/tag";
import { restoreOneByOne } from "../../../helpers/one-by-one";
import type {
  InstalledMark,
  MarkBackend,
  MarkOrder,
  Marks,
  RestoreOrder,
} from "../../../../lib/ports";
import { record } from "../../../helpers/context";
import { FakeExec, FakeLocks, fakeHost, type Answer } from "../../../helpers/fakes";
import { EMPTY, KEY, listing, OTHER, OTHER_TAG, RULE } from "./iptables/set-up";

const TAG = attachmentTag(KEY);

/** All that a backend needs: one element of a map for each address, whatever becomes of replies. */
class MapBackend implements MarkBackend, Marks {
  readonly places = ["map"];
  readonly home = (): string => "map";
  readonly elements: InstalledMark[] = [];
  readonly environments: Readonly<Record<string, string>>[] = [];
  broken: CniError | undefined;

  pieces: MarkBackend["pieces"] = ({ mark, addresses }) =>
    addresses.map((address) => ({ address, piece: "element", mark }));
  open(environment: Readonly<Record<string, string>>): Marks {
    this.environments.push(environment);
    return this;
  }
  anticipate(): void {}
  async install(order: MarkOrder) {
    const evicted = await this.evict(order.key, order.addresses);
    this.put(order);
    return { place: "map", evicted };
  }
  put({ key, label, ...marking }: MarkOrder): void {
    for (const piece of this.pieces(marking, undefined))
      this.elements.push({ ...piece, backend: "map", tag: attachmentTag(key), label, text: "" });
  }
  async evict(key: typeof KEY, addresses: readonly string[]) {
    const gone = this.take(({ address }) => addresses.includes(address));
    return [...new Set(gone.map(({ tag }) => tag).filter((tag) => tag !== attachmentTag(key)))];
  }
  async remove(tags: readonly string[]): Promise<void> {
    this.take(({ tag }) => tags.includes(tag));
  }
  async list() {
    if (this.broken !== undefined) throw this.broken;
    return [...this.elements];
  }
  async traffic() {
    const mark = { value: 0x10, mask: 0xff };
    return [{ backend: "map", mark, tag: undefined, packets: 7, bytes: 700 }];
  }
  async probe(): Promise<void> {
    await this.list();
  }
  async restore(orders: readonly RestoreOrder[]) {
    return restoreOneByOne(this, orders);
  }
  private take(matches: (element: InstalledMark) => boolean): readonly InstalledMark[] {
    if (this.broken !== undefined) throw this.broken;
    const gone = this.elements.filter(matches);
    this.elements.splice(0, Infinity, ...this.elements.filter((each) => !matches(each)));
    return gone;
  }
}

let dataDir: string;
let map: MapBackend;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "backends-"));
  map = new MapBackend();
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** iptables-nft on a node without IPv6, and the map; `first` gets the new marks. */
function node(first: "iptables" | "map", ...script: Answer[]) {
  const exec = new FakeExec(...script);
  const iptables = createIptablesBackend({
    exec,
    locks: new FakeLocks().port,
    lockTimeoutMs: 2500,
    configured: "nft",
    dataDir,
    log: { write: () => {} },
    host: fakeHost({ ipv6: false }),
  });
  const backend = first === "map" ? combineBackends(map, iptables) : combineBackends(iptables, map);
  return { exec, backend, marks: backend.open({ CNI_COMMAND: "ADD" }) };
}
const rules = (order: MarkOrder) => ruleSpecs(order, 4);

test("one backend alone is left as it is", () => {
  expect(combineBackends(map)).toBe(map);
});

test("every backend knows the operation at work", () => {
  node("iptables");
  expect(map.environments).toEqual([{ CNI_COMMAND: "ADD" }]);
});

describe("install", () => {
  test("puts the mark into the first, and takes away what the other has on the address", async () => {
    map.put(OTHER);
    const { exec, marks } = node("iptables", EMPTY, "");
    expect(await marks.install(RULE)).toEqual({ place: "nft", evicted: [OTHER_TAG] });
    expect(exec.inputs).toEqual([restoreInput([], rules(RULE))]);
    expect(map.elements).toEqual([]);
  });
  test("of a pod that was marked by the other: first the new mark, then the old one goes, wherever it was", async () => {
    const { exec, marks } = node(
      "map",
      listing(...rules({ ...RULE, addresses: ["10.0.0.9"] })),
      "",
      EMPTY,
    );
    const put = jest.spyOn(map, "put").mockImplementation((order) => {
      expect(exec.calls).toEqual([]);
      MapBackend.prototype.put.call(map, order);
    });
    expect(await marks.install(RULE)).toEqual({ place: "map", evicted: [] });
    expect(put).toHaveBeenCalledTimes(1);
    expect(exec.inputs).toEqual([restoreInput(rules({ ...RULE, addresses: ["10.0.0.9"] }), [])]);
    expect(map.elements).toMatchObject([{ tag: TAG, address: "10.0.0.5", mark: RULE.mark }]);
  });
  test("is taken back when the other cannot be cleared, and never reads as if nothing had been done", async () => {
    map.broken = new RulesUntouched("rules", "no map");
    const { exec, marks } = node("iptables", EMPTY, "", listing(...rules(RULE)), "");
    const error: unknown = await marks.install(RULE).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 110, message: "no map" });
    expect(error).not.toBeInstanceOf(RulesUntouched);
    expect(exec.inputs).toEqual([restoreInput([], rules(RULE)), restoreInput(rules(RULE), [])]);
  });
});

test("evict asks every backend, and says whose marks they were", async () => {
  const third = { ...OTHER, key: { ...KEY, containerId: "c3" } };
  map.put(third);
  const { marks } = node("iptables", listing(...rules(OTHER)), "");
  expect(await marks.evict(KEY, ["10.0.0.5"])).toEqual([OTHER_TAG, attachmentTag(third.key)]);
  expect(map.elements).toEqual([]);
});

describe("remove", () => {
  const addresses = RULE.addresses;
  test("asks the backend whose place the record names, and no other", async () => {
    map.put(RULE);
    const { exec, marks } = node("iptables");
    await marks.remove([TAG], { backend: "map", addresses });
    expect([exec.calls, map.elements]).toEqual([[], []]);
  });
  test.each([
    ["the record names no place", undefined],
    ["the record names a place that nobody knows", { backend: "ipvs", addresses }],
  ])("asks every backend when %s", async (_, known) => {
    map.put(RULE);
    const { exec, marks } = node("iptables", listing(...rules(RULE)), "");
    await marks.remove([TAG], known);
    expect(exec.inputs).toEqual([restoreInput(rules(RULE), [])]);
    expect(map.elements).toEqual([]);
  });
  test("trouble with one keeps no mark in the other", async () => {
    map.broken = new CniError("rules", "no map");
    const { exec, marks } = node("map", listing(...rules(RULE)), "");
    await expect(marks.remove([TAG])).rejects.toMatchObject({ code: 110, message: "no map" });
    expect(exec.inputs).toEqual([restoreInput(rules(RULE), [])]);
  });
});

test("list has the marks of every backend, and each is judged by its own", async () => {
  map.put(OTHER);
  const { backend, marks } = node("iptables", listing(...rules(RULE)));
  const installed = await marks.list();
  expect(installed.map((mark) => [mark.backend, mark.piece])).toEqual([
    ["nft", "mark rule"],
    ["nft", "reply rule"],
    ["map", "element"],
  ]);
  const judge = (tag: string, part: object) =>
    driftOf(
      { tag, attachment: record(part) },
      backend,
      installed.filter((mark) => mark.tag === tag),
    ).map(driftText);
  expect(judge(TAG, {})).toEqual([]);
  expect(judge(OTHER_TAG, { backend: "map", mark: OTHER.mark })).toEqual([]);
  expect(judge(OTHER_TAG, { backend: "map", addresses: ["10.0.0.5", "10.0.0.6"] })).toEqual([
    "element for 10.0.0.5 sets 0x20/0xff instead of 0x10/0xff",
    "element for 10.0.0.6 is missing",
  ]);
});

test("probe needs the first to work and the others to be seen", async () => {
  map.broken = new CniError("rules", "no map");
  await expect(node("iptables", EMPTY).marks.probe()).rejects.toMatchObject({ message: "no map" });
  map.broken = undefined;
  await node("iptables", EMPTY).marks.probe();
});

describe("restore", () => {
  const order = (rule: MarkOrder, place: string | undefined, more = {}) => ({
    ...rule,
    place,
    ...more,
  });
  test("each goes to the backend of its place, new ones to the first, and then they are nowhere else", async () => {
    map.put(RULE);
    const { exec, marks } = node("iptables", EMPTY, "");
    const other = { ...OTHER, addresses: ["10.0.0.6"] };
    expect(await marks.restore([order(RULE, undefined), order(other, "map")])).toEqual([
      { tag: TAG, place: "nft", changed: true },
      { tag: OTHER_TAG, place: "map", changed: true },
    ]);
    expect(exec.inputs).toEqual([restoreInput([], rules(RULE))]);
    expect(map.elements).toMatchObject([{ tag: OTHER_TAG, address: "10.0.0.6" }]);
  });

  test("one by one: what is not wanted is passed over or taken back, and a failure does not stop the others", async () => {
    let asked = 0;
    const twice = (): void => {
      if (++asked > 1) throw new CniError("superseded", "deleted");
    };
    const never = (): void => {
      throw new CniError("superseded", "deleted");
    };
    const { marks } = node("map", EMPTY);
    const pod = (n: number): MarkOrder => ({
      ...RULE,
      key: { ...KEY, containerId: `x${n}` },
      addresses: [`10.0.0.${n}`],
    });
    const install = jest.spyOn(map, "install").mockRejectedValueOnce(new CniError("rules", "no"));
    await expect(
      marks.restore([
        order(pod(7), "map"),
        order(pod(8), "map", { confirm: never }),
        order(pod(9), "map", { confirm: twice }),
      ]),
    ).rejects.toThrow("no");
    expect(install).toHaveBeenCalledTimes(2);
    expect(map.elements).toEqual([]);
  });
});
