import type { Attachment } from "../../../../lib/attachment/journal-record";
import { findPod, podUnknown } from "../../../../lib/explain/find-pod";

function attachment(pod: string, containerId: string): Attachment {
  const [namespace = "", name = ""] = pod.split("/");
  return {
    format: 1,
    state: "complete",
    key: { network: "net", containerId, ifname: "eth0" },
    netns: `/run/netns/${containerId}`,
    owner: { pid: 1, startTime: "1" },
    pod: { namespace, name },
    addresses: ["10.88.0.2"],
    cniVersion: "1.0.0",
    since: "2026-01-01T00:00:00Z",
  };
}

const WEB = attachment("team-a/web-0", "aaaaaaaaaaaaaaaa");
const OTHER = attachment("team-b/web-1", "bbbbbbbbbbbbbbbb");
const SECOND = attachment("team-a/web-0", "cccccccccccccccc");
const never = (): boolean => false;

test.each([
  ["team-a/web-0", WEB],
  ["bbbbbbbbbbbbbbbb", OTHER],
  ["bbbbbbbbbbbb", OTHER],
  ["bbbb", undefined],
  ["web-0", undefined],
])("%s", (name, expected) => {
  expect(findPod([WEB, OTHER], name, never)).toBe(expected);
});

test("of two attachments the one whose sandbox is there is meant", () => {
  expect(findPod([WEB, SECOND], "team-a/web-0", (each) => each === WEB)).toBe(SECOND);
});

test.each([
  ["both are there", never],
  ["both are gone", () => true],
])("two attachments are refused when %s", (_, isGone) => {
  expect(() => findPod([WEB, SECOND], "team-a/web-0", isGone)).toThrow(
    expect.objectContaining({
      message: "team-a/web-0 has 2 attachments on this node: name one by its container's ID",
      details: expect.stringContaining("cccccccccccccccc net eth0 10.88.0.2 since 2026") as string,
    }) as Error,
  );
});

test.each([
  ["team-c/web-1", "did you mean team-b/web-1?"],
  ["web-0", "did you mean team-a/web-0?"],
  ["team-a/wbe-0", "did you mean team-a/web-0?"],
  ["shop/cart", "is it on another node"],
])("%s is unknown: %s", (name, hint) => {
  expect(podUnknown([WEB, OTHER, SECOND], name).message).toContain(
    `no attachment of ${name} on this node: ${hint}`,
  );
});

test("a message lists eight names at most", () => {
  const all = Array.from({ length: 10 }, (_, i) => attachment(`team-${i}/web`, `id-${i}`));
  expect(podUnknown(all, "x/web").message).toMatch(
    /team-0\/web or .*team-7\/web \(and 2 more\)\?$/,
  );
});
