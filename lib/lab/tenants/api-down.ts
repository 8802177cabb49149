/** The lab `tenants` while its API server is down. */
import { call, target } from "../kit/calls";
import type { ApiServer } from "../kit/api/server";
import type { Fixture } from "./fixture";
import { SERVER } from "./topology";

/** A new pod must not start unmarked; pods that run need no API server. */
export async function showApiDown(fixture: Fixture, api: ApiServer): Promise<void> {
  const {
    setup,
    topology: { a },
    runtime,
    web,
  } = fixture;
  const { transcript } = setup;
  await transcript.heading("The API server goes down: a new pod is not let through unmarked");
  const before = await stateOf(fixture);
  api.stop();
  const late = await runtime.add(await runtime.sandbox({ pod: "team-a/late-0" }));
  transcript.statement(
    "ADD fails with code 11 (try again later) and names the pod",
    late.code === 11 && late.output.includes("team-a/late-0"),
  );
  transcript.statement(
    "it leaves no interface, no address, no rule, no file",
    (await stateOf(fixture)) === before,
  );
  const { from } = await call(setup, web.machine, target(SERVER[0], 80));
  transcript.statement("running pods are not affected", from === a.outside[0]);
}

/** Everything that an attachment leaves on the node while it lives. */
function stateOf({ setup: { dir }, topology: { node } }: Fixture): Promise<string> {
  const script = [
    "{ iptables-save; ip6tables-save; } | grep -e '^-'",
    "ip -br link",
    `ls -A '${dir}/ipam/tenants' '${dir}/state'`,
  ];
  return node.must(["sh", "-ec", script.join("\n")]);
}
