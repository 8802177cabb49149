import type { Reply } from "./request";
import type { After } from "./timer";

/** The chunks of a body; a silence longer than `silentMs`, asked for each time, ends it with ETIMEDOUT. */
export async function* heard(
  reply: Reply,
  silentMs: () => number,
  after: After,
): AsyncGenerator<Uint8Array> {
  const chunks = reply.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await within(silentMs(), chunks.next(), after);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    reply.end();
  }
}

function within<T>(ms: number, next: Promise<T>, after: After): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, () =>
      reject(Object.assign(new Error("silent for too long"), { code: "ETIMEDOUT" })),
    );
    void next.then(resolve, reject).finally(cancel);
  });
}
