import type { Leaving, MarkBackend, Marks } from "../../../../lib/ports";
import { withGuard } from "../../../../lib/marks/with-guard";

const TAGS = ["tag"];
const PLACE = { backend: "somewhere", addresses: ["10.0.0.2"] };

/** What happens, in its order; `failing`: the marks cannot be removed. */
function guarded({ mayExist = true, failing = false } = {}): {
  marks: Marks;
  happened: readonly string[];
} {
  const happened: string[] = [];
  const plain = {
    remove: async () => {
      happened.push("mark removed");
      if (failing) throw new Error("no");
    },
  } as unknown as Marks;
  const guard = {
    prepare: async () => {},
    set: async () => {},
    evict: async () => {},
    remove: async () => void happened.push("entry removed"),
  };
  const state = { isWanted: () => true, mayExist: () => mayExist };
  const backend = { open: () => plain } as unknown as MarkBackend;
  return { marks: withGuard(backend, () => guard, state).open({}), happened };
}

function leaving(silent: boolean): Leaving {
  return { outOfForce: () => {}, silent: Promise.resolve(silent) };
}

describe("a removal", () => {
  test("is out of force before the pod is silent, and the entry goes after that", async () => {
    const { marks, happened } = guarded();
    let settle = (_silent: boolean): void => {};
    const silent = new Promise<boolean>((resolve) => (settle = resolve));
    const outOfForce = new Promise<void>((resolve) => {
      void marks
        .remove(TAGS, PLACE, { outOfForce: resolve, silent })
        .then(() => (happened as string[]).push("done"));
    });
    await outOfForce;
    expect(happened).toEqual(["mark removed"]);
    settle(true);
    await new Promise(setImmediate);
    expect(happened).toEqual(["mark removed", "entry removed", "done"]);
  });

  test("of a pod that may still send keeps the entry", async () => {
    const { marks, happened } = guarded();
    await marks.remove(TAGS, PLACE, leaving(false));
    expect(happened).toEqual(["mark removed"]);
  });

  test("that says nothing of the pod removes both", async () => {
    const { marks, happened } = guarded();
    await marks.remove(TAGS);
    expect(happened).toEqual(["mark removed", "entry removed"]);
  });

  test("that fails removes the entry all the same, and is out of force", async () => {
    const { marks, happened } = guarded({ failing: true });
    const outOfForce = jest.fn();
    const removing = marks.remove(TAGS, PLACE, { ...leaving(true), outOfForce });
    await expect(removing).rejects.toThrow("no");
    expect(outOfForce).toHaveBeenCalled();
    expect(happened).toEqual(["mark removed", "entry removed"]);
  });

  test("where there is no guard touches none", async () => {
    const { marks, happened } = guarded({ mayExist: false });
    await marks.remove(TAGS, PLACE, leaving(true));
    expect(happened).toEqual(["mark removed"]);
  });
});
