/** The end of the lab `tenants`: the pods go, and the node is as it was. */
import { RULES, type Fixture } from "./fixture";

/** What stays in the directories of leases and records; nothing of it is of a pod. */
const HOUSEKEEPING =
  /^(?:ipam\/tenants:|state:|last_reserved_ip\.\d|lock|queue|generation|collected|iptables-backend|marks-(?:iptables|nftables)|guard|routes|)$/;

/** Every DEL, and what is left after them. */
export async function showRemoval(fixture: Fixture): Promise<void> {
  const {
    setup: { transcript },
    api,
    runtime,
    web,
    api0,
    plain,
  } = fixture;
  await transcript.heading(
    `The pods are deleted${api === undefined ? "" : " (the API server is still down)"}, the node routes removed`,
  );
  for (const { machine } of [web, api0, plain]) {
    const { ok } = await runtime.del(machine);
    transcript.statement(`DEL of ${machine.spec.pod} succeeds`, ok);
  }
  await checkNothingLeft(fixture);
  await removeRoutes(fixture);
}

async function checkNothingLeft({
  setup: { dir, transcript },
  topology: { node },
}: Fixture): Promise<void> {
  const rules = await node.show(["sh", "-c", "iptables-save; ip6tables-save"], {
    as: "iptables-save; ip6tables-save",
    silent: true,
  });
  transcript.statement(
    "no rule of a pod is left, in either family",
    rules.status === 0 && !/tenant-routing|team-a|team-b/.test(rules.output),
  );
  const links = await node.show(["ip", "-br", "link"]);
  transcript.statement(
    "no interface of a pod is left",
    links.status === 0 && !links.output.includes("veth"),
  );
  const list = "ls -A ipam/tenants state";
  const files = await node.show(["sh", "-c", `cd '${dir}' && ${list}`], { as: list });
  transcript.statement(
    "no address and no record is left, only lock files and the like",
    files.status === 0 && files.output.split("\n").every((line) => HOUSEKEEPING.test(line)),
  );
}

async function removeRoutes({
  setup: { transcript, wrapper },
  topology: { node },
  conflist,
  rulesBefore,
}: Fixture): Promise<void> {
  await wrapper(node, ["routes", "remove", "--conf", conflist], { silent: true });
  const left = await node.show(["sh", "-c", RULES], { as: RULES });
  transcript.statement(
    "the node's own rules are as before, but for the rule that was moved",
    left.stdout === rulesBefore.replaceAll(/^0:/gm, "100:"),
  );
}
