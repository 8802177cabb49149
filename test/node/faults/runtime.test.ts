/** Faults of the runtime's view of a node: each named with its code, and ended by what is printed. */
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { CONFLIST, testFaults, useFaultNode } from "../../helpers/fault-node";
import { PLUGINS } from "../../helpers/node-world";

const LAUNCHER = resolve(__dirname, "../../../dist/tenant-routing-launcher");
const OTHER = JSON.stringify({
  ...{ cniVersion: "1.0.0", name: "cilium" },
  plugins: [{ type: "cilium-cni" }],
});

testFaults(useFaultNode(), [
  {
    title: "another conflist sorts before ours",
    code: "TR0301",
    provoke: ({ files }) => files.write("/etc/cni/net.d/05-cilium.conflist", OTHER),
    remedy: `mv ${CONFLIST} /etc/cni/net.d/00-tenant-routing.conflist`,
  },
  {
    title: "Cilium has renamed ours, and the runtime uses its own",
    code: "TR0302",
    provoke: ({ files, run }) => {
      files.write("/etc/cni/net.d/05-cilium.conflist", OTHER);
      run(`mv ${CONFLIST} ${CONFLIST}.cilium_bak`);
    },
    remedy: `mv ${CONFLIST}.cilium_bak /etc/cni/net.d/00-tenant-routing.conflist`,
  },
  {
    title: "somebody has renamed ours, and there is no other",
    code: "TR0302",
    provoke: ({ run }) => void run(`mv ${CONFLIST} ${CONFLIST}.bak`),
    remedy: `mv ${CONFLIST}.bak ${CONFLIST}`,
  },
  {
    title: "a copy of ours",
    code: "TR0304",
    provoke: ({ run }) => void run(`cp ${CONFLIST} /etc/cni/net.d/20-copy.conflist`),
    remedy: "mv /etc/cni/net.d/20-copy.conflist /etc/cni/net.d/20-copy.conflist.unused",
  },
  {
    title: "a trailing comma in another file that sorts first",
    code: "TR0305",
    provoke: ({ files }) =>
      files.write("/etc/cni/net.d/05-other.conflist", '{"name": "x",\n "plugins": [],}'),
    remedy: "Correct /etc/cni/net.d/05-other.conflist at line 2, column 15",
    end: ({ run }) => void run("rm /etc/cni/net.d/05-other.conflist"),
  },
  {
    title: "a misspelt key that ADD refuses",
    code: "TR0306",
    provoke: ({ configure }) => configure({ onEror: "deny" }),
    remedy: `Correct ${CONFLIST}`,
    end: ({ configure }) => configure(),
  },
  {
    title: "another plugin before ours, which has a delegate",
    code: "TR0307",
    provoke: ({ files, run }) => {
      const list = JSON.parse(run(`cat ${CONFLIST}`)) as { plugins: object[] };
      const first = { type: "ptp", ipam: { type: "host-local", subnet: "10.89.0.0/24" } };
      files.write(CONFLIST, JSON.stringify({ ...list, plugins: [first, ...list.plugins] }));
    },
    remedy: `Move our plugin to the front of "plugins" in ${CONFLIST}`,
    end: ({ files, run }) => {
      const list = JSON.parse(run(`cat ${CONFLIST}`)) as { plugins: object[] };
      files.write(CONFLIST, JSON.stringify({ ...list, plugins: list.plugins.slice(1) }));
    },
  },
  {
    title: "the delegate is missing in the runtime's directory, and is elsewhere",
    code: "TR0308",
    provoke: ({ bin }) => rmSync(join(bin, "ptp")),
    remedy: /^install -m 0755 \/usr\/lib\/cni\/ptp .*\/bin\/ptp$/,
  },
  {
    title: "the IPAM plugin cannot be executed",
    code: "TR0309",
    provoke: ({ bin }) => {
      const path = join(bin, "host-local");
      rmSync(path);
      copyFileSync(join(PLUGINS, "host-local"), path);
      chmodSync(path, 0o644);
    },
    remedy: /^chmod 0755 .*\/bin\/host-local$/,
  },
  {
    title: "the launcher without the packed binary beside it",
    code: "TR0310",
    provoke: ({ bin }) => {
      rmSync(join(bin, "tenant-routing-wrapper"));
      copyFileSync(LAUNCHER, join(bin, "tenant-routing-wrapper"));
    },
    remedy: /^install -m 0755 \S+ \S+\/tenant-routing-wrapper\.bin$/,
  },
]);
