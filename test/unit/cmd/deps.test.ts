import { forRequest, openNode } from "../../../cmd/deps";
import type { Request } from "../../../lib/cni/request";
import { confWith } from "../../helpers/conf-object";

const log = { write: () => {} };
const cni: Request = {
  verb: "ADD",
  containerId: "c1",
  netns: "",
  ifname: "eth0",
  args: new Map(),
  path: [],
  netnsOverride: false,
};
const io = { env: {}, stderr: () => {} };

test("each request of a process is another owner, on one node", () => {
  const conf = confWith({});
  const node = openNode(conf, log);
  const [one, other] = [1, 2].map(() => forRequest(node, { cni, conf, io, log }));
  expect(one?.node).toBe(other?.node);
  expect(one?.request.owner).toMatchObject({ pid: process.pid });
  expect(one?.request.owner.request).not.toBe(other?.request.owner.request);
  expect(one?.request.progress).not.toBe(other?.request.progress);
});

test("an owner is alive while its process runs, and one of this process while it works on the request", () => {
  const { process: self, requests, isAlive } = openNode(confWith({}), log);
  expect(isAlive({ ...self, pid: 1, startTime: "no such" })).toBe(false);
  expect(isAlive(self)).toBe(true);
  expect(isAlive({ ...self, request: "7" })).toBe(false);
  requests.add("7");
  expect(isAlive({ ...self, request: "7" })).toBe(true);
});
