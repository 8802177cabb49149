/** Faults of the marks of pods: each named with its code, and ended by what is printed. */
import { testFaults, useFaultNode, type FaultNode } from "../../helpers/fault-node";
import { sh } from "../../helpers/shell";

const node = useFaultNode(() => ({ iptables: "nft" }));
const SAVE = "/var/lib/rules";

/** Remembers the rules, so that the test can put them back. */
function save({ run }: FaultNode): void {
  run(`iptables-nft-save -t mangle >${SAVE}`);
}
const ADDRESS = "10.88.0.2";

/** The journal's record of team-a/web-0 with these changes. */
function rewrite({ run }: FaultNode, program: string): void {
  run(
    `cd /run/tenant-routing; f=$(grep -l web-0 *.json); jq -c '${program}' $f >.new; chmod 0600 .new; mv .new $f`,
  );
}

/** A rule of tenant-b on this address under the tag of plain/client-0, which has no mark. */
function stray({ run }: FaultNode, address: string): void {
  run(
    `tag=$(basename $(grep -l client-0 /run/tenant-routing/*.json) .json)
    iptables-nft -t mangle -A PREROUTING -s ${address}/32 \\
      -m comment --comment "tenant-routing plain/client-0 $tag" -j MARK --set-xmark 0x20/0xff`,
  );
}

testFaults(node, [
  {
    title: "rules flushed",
    code: "TR0601",
    provoke: (on) => {
      save(on);
      on.run("iptables-nft -t mangle -F");
    },
    remedy: "wrapper repair --apply",
  },
  {
    title: "wrong mask",
    code: "TR0602",
    provoke: (on) => {
      save(on);
      on.run(`sed 's,0x10/0xff,0x10/0xffff,' ${SAVE} | iptables-nft-restore`);
    },
    remedy: "wrapper repair --apply",
  },
  {
    title: "a rule that is there twice",
    code: "TR0603",
    provoke: (on) => {
      save(on);
      on.run(
        `{ echo '*mangle'; grep -- '--set-xmark 0x10/0xff' ${SAVE}; echo COMMIT; } | iptables-nft-restore --noflush`,
      );
    },
    remedy: "wrapper repair --apply",
  },
  {
    title: "a rule under the tag of a pod without a tenant",
    code: "TR0604",
    provoke: (on) => stray(on, "10.88.0.3"),
    remedy: "wrapper repair --apply",
  },
  {
    title: "another attachment's rule on a pod's address",
    code: "TR0605",
    provoke: (on) => stray(on, ADDRESS),
    remedy: "wrapper repair --apply",
  },
  {
    title: "rules in the other variant",
    code: "TR0610",
    provoke: (on) => {
      save(on);
      on.run(`iptables-nft -t mangle -F; iptables-legacy-restore <${SAVE}`);
    },
    remedy: "wrapper repair --apply",
  },
  {
    title: "a rule without a record",
    code: "TR0606",
    provoke: ({ run }) => void run("rm $(grep -l web-0 /run/tenant-routing/*.json)"),
    remedy: "kubectl -n team-a delete pod web-0",
    end: ({ run }) => void run("iptables-nft -t mangle -F"),
  },
  {
    title: "a sandbox that is gone, and its DEL never came",
    code: "TR0608",
    provoke: (on) => {
      rewrite(on, '.since = "2026-01-01T00:00:00Z"');
      sh("ip", "netns", "del", on.web.netns);
      // The interface goes with the namespace, a moment later.
      on.run("while ip route get 10.88.0.2 | grep -q veth; do sleep 0.05; done");
    },
    remedy: "wrapper repair --apply",
  },
  {
    title: "a record that cannot be used",
    code: "TR0609",
    provoke: ({ run }) => void run('cd /run/tenant-routing; echo "{" >$(grep -l client-0 *.json)'),
    remedy: /^rm \/run\/tenant-routing\/\S+\.json$/,
  },
  {
    title: "a foreign rule marks a pod without a tenant",
    code: "TR0611",
    provoke: ({ run }) =>
      void run("iptables-nft -t mangle -A PREROUTING -s 10.88.0.3/32 -j MARK --set-xmark 0x20"),
    remedy:
      "iptables-nft -w -t mangle -D PREROUTING -s 10.88.0.3/32 -j MARK --set-xmark 0x20/0xffffffff",
  },
  {
    title: "a foreign rule behind ours marks a tenant's pod",
    code: "TR0611",
    provoke: ({ run }) =>
      void run(
        `iptables-nft -t mangle -A PREROUTING -s ${ADDRESS} -m comment --comment 'it is $(theirs)' -j MARK --set-xmark 0x20/0xff`,
      ),
    remedy: "'it is $(theirs)'",
  },
  {
    title: "connections of a pod are not tracked",
    code: "TR0612",
    provoke: ({ run }) => void run("iptables-nft -t raw -A PREROUTING -s 10.88.0.0/24 -j NOTRACK"),
    remedy: /^iptables-nft -w -t raw -D PREROUTING -s 10\.88\.0\.0\/24 -j (NOTRACK|CT --notrack)$/,
  },
]);

test("an ADD whose process has died is named, and what is under way is not", () => {
  rewrite(node, '.state = "intent" | .owner = {pid: 1, startTime: "1"}');
  expect(node.status().findings.map(({ code }) => code)).toEqual(["TR0607"]);
  rewrite(
    node,
    `.owner = {pid: 1, startTime: "${sh("sh", "-c", "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20").trim()}"}`,
  );
  expect(node.status().findings).toEqual([]);
});
