import type { PluginConf } from "../../../../../conf/types";
import type { Attachment } from "../../../../../lib/attachment/journal";
import { poolFindings } from "../../../../../lib/checks/pods/checks";
import { confWith, tenantWith } from "../../../../helpers/conf-object";
import { record } from "../../../../helpers/context";

const TENANTS = [tenantWith({ name: "a" })];

describe("pools", () => {
  const IPAM = { type: "host-local", subnet: "10.0.0.0/24" };
  const POOL = ["10.66.0.0/24"];
  const found = (part: Partial<PluginConf>, attachment: Partial<Attachment> = {}) => {
    const conf = confWith({ tenants: TENANTS, delegate: { type: "ptp", ipam: IPAM }, ...part });
    return poolFindings(conf, record({ delegate: { type: "ptp" }, ...attachment }));
  };

  test("a pod whose address comes from where its tenant's addresses come from is fine", () => {
    expect(found({})).toEqual([]);
    expect(found({ delegate: { type: "ptp", ipam: { type: "dhcp" } } })).toEqual([]);
  });

  test("one that has an address of a pool that its tenant had is named", () => {
    const tenants = [tenantWith({ name: "a", pool: POOL })];
    expect(found({ tenants }, { tenant: "a" })).toEqual([
      {
        ...{ kind: "address-outside-pool", code: "TR0617", category: "pods", severity: "warning" },
        fault: "team-a/web-0 has 10.0.0.5, and addresses for it come from 10.66.0.0/24 now",
        consequence: "it keeps its mark and its gateway, where answers may not come back to it",
        remedy: "kubectl -n team-a delete pod web-0",
        subject: "team-a/web-0",
      },
    ]);
  });

  test("nothing is said of another plugin's pods", () => {
    expect(found({ delegate: undefined })).toEqual([]);
  });
});
