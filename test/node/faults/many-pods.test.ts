/** `wrapper status` on a node with 200 pods: one screen, however many pods have a fault. */
import { createJournal, type Attachment } from "../../../lib/attachment/journal";
import { attachmentTag } from "../../../lib/marks/tag";
import { useFaultNode } from "../../helpers/fault-node";

const PODS = 200;
const node = useFaultNode(() => ({ iptables: "nft" }));

/** Copies of team-a/web-0 at addresses of their own, as 198 more ADDs would have left them. */
function populate(): void {
  const [path = ""] = node.run("grep -l web-0 /run/tenant-routing/*.json").split("\n");
  const pattern = JSON.parse(node.run(`cat ${path}`)) as Attachment;
  const journal = createJournal(node.shared);
  journal.prepare();
  const lines = ["*mangle"];
  for (let n = 2; n < PODS; n++) {
    const key = { ...pattern.key, containerId: `${pattern.key.containerId}-${n}` };
    const [tag, address] = [attachmentTag(key), `10.88.0.${n + 20}`];
    const pod = { namespace: "team-a", name: `web-${n}`, uid: `u-${n}` };
    journal.write(tag, { ...pattern, key, pod, addresses: [address] });
    const comment = `-m comment --comment "tenant-routing team-a/web-${n} ${tag}"`;
    lines.push(
      `-A PREROUTING -s ${address}/32 ${comment} -j MARK --set-xmark 0x10/0xff`,
      `-A PREROUTING -s ${address}/32 -m conntrack --ctdir REPLY ${comment} -j MARK --set-xmark 0x0/0xff`,
    );
  }
  node.files.write("/var/lib/rules", [...lines, "COMMIT", ""].join("\n"));
  node.run(
    `cp ${node.shared}/*.json /run/tenant-routing/; iptables-nft-restore --noflush </var/lib/rules`,
  );
}

test("with all of them well, and with all of them without a mark", () => {
  populate();
  const well = node.status();
  expect(well).toMatchObject({ status: 0, findings: [] });
  expect(well.text).toMatch(/^ok +pods +200 pods, 398 marks/m);
  node.run("iptables-nft -t mangle -F");
  const { status, findings, text } = node.status();
  expect([status, findings.length]).toEqual([1, 398]);
  expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(["TR0601"]));
  expect(text).toContain("and 397 more like it: ");
  expect(text.split("\n").length).toBeLessThan(24);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
});
