/** The checks of the machine, on a journal, a firewall and kernel settings on paper. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineChecks, type MachineView } from "../../../../../lib/checks/node/checks";
import type { Looked } from "../../../../../lib/checks/run";
import { CniError } from "../../../../../lib/cni/error";
import { confWith, tenantWith } from "../../../../helpers/conf-object";

let dir = "";
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "machine-"))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

const throws = (error: Error) => (): never => {
  throw error;
};
const viewOf = (change: Partial<MachineView>): MachineView => ({
  conf: () => confWith({ dataDir: dir }),
  journal: () => ({ inspect: () => undefined }),
  marks: () => ({ probe: async () => undefined }),
  sysctl: () => "1",
  ...change,
});

async function look(name: string, change: Partial<MachineView> = {}): Promise<Looked> {
  const check = machineChecks(viewOf(change)).find((each) => each.name === name);
  if (check === undefined) throw new Error(`no check ${name}`);
  return check.look();
}

test("every check is of the node and needs nothing but this machine", () => {
  expect(machineChecks(viewOf({})).map((each) => [each.name, each.category, each.local])).toEqual([
    ["journal's directory", "node", true],
    ["disk of the journal", "node", true],
    ["firewall", "node", true],
    ["disk of the log", "node", true],
    ["forwarding", "node", true],
  ]);
});

describe("the journal's directory", () => {
  const NAME = "journal's directory";

  test("that is trusted is no finding", async () => {
    expect(await look(NAME)).toEqual({ findings: [] });
  });

  test("that is not trusted: the journal's own words, and the commands that end it", async () => {
    const inspect = throws(new CniError("journal", "/run/x can be written by others"));
    const { findings } = await look(NAME, {
      conf: () => confWith({ dataDir: "/run/a b" }),
      journal: () => ({ inspect }),
    });
    expect(findings).toEqual([
      {
        ...{ kind: "journal-unsafe", code: "TR0706", category: "node", severity: "failed" },
        fault: "/run/x can be written by others",
        consequence: "every ADD fails with code 113",
        remedy: "chown 0:0 '/run/a b' && chmod 0700 '/run/a b'",
        subject: "/run/a b",
      },
    ]);
  });

  test("that cannot be looked at is not taken for an unsafe one", async () => {
    const inspect = throws(new CniError("io", "it is away"));
    await expect(look(NAME, { journal: () => ({ inspect }) })).rejects.toThrow("it is away");
  });
});

describe("disks", () => {
  test("the summary says how much is free, for a directory that is not there yet too", async () => {
    const conf = () => confWith({ dataDir: join(dir, "not/yet"), logFile: join(dir, "log") });
    const free = "\\d+ (?:bytes|[KMGT]iB) free for the";
    expect((await look("disk of the journal", { conf })).summary).toMatch(
      new RegExp(`^${free} journal$`),
    );
    expect((await look("disk of the log", { conf })).summary).toMatch(new RegExp(`^${free} log$`));
  });

  test("without a log there is no disk of it", async () => {
    expect(await look("disk of the log")).toEqual({ findings: [] });
  });
});

describe("the firewall", () => {
  const broken = { marks: () => ({ probe: throws(new CniError("rules", "nft is missing")) }) };

  test("that takes marks is no finding", async () => {
    const probe = jest.fn(async () => undefined);
    expect(await look("firewall", { marks: () => ({ probe }) })).toEqual({ findings: [] });
    expect(probe).toHaveBeenCalledTimes(1);
  });

  test("that takes none, seen by root", async () => {
    jest.spyOn(process, "geteuid").mockReturnValue(0);
    expect((await look("firewall", broken)).findings).toEqual([
      {
        ...{ kind: "marks-unusable", code: "TR0705", category: "node", severity: "failed" },
        fault: "nft is missing",
        consequence: "every ADD of a pod with a tenant fails with code 110",
        remedy: "Do what the message says; docs/on-call.md has more under code 110",
        subject: undefined,
      },
    ]);
  });

  test("whose programs are missing: the package is named, whatever the words", async () => {
    jest.spyOn(process, "geteuid").mockReturnValue(0);
    const missing = new CniError("rules", "gone", { missingPackage: "nftables" });
    const probe = throws(missing.withDetails("more"));
    const [finding] = (await look("firewall", { marks: () => ({ probe }) })).findings;
    expect(finding).toMatchObject({
      fault: "gone",
      remedy: "Install the package nftables: apt-get install nftables, or dnf install nftables",
    });
  });

  test("of which others than root can know nothing", async () => {
    jest.spyOn(process, "geteuid").mockReturnValue(1000);
    await expect(look("firewall", broken)).rejects.toThrow("nft is missing");
  });

  test("whose look fails for another reason is not blamed", async () => {
    jest.spyOn(process, "geteuid").mockReturnValue(0);
    const marks = () => ({ probe: throws(new CniError("io", "no such thing")) });
    await expect(look("firewall", { marks })).rejects.toThrow("no such thing");
  });
});

describe("forwarding", () => {
  const off = (path: string): string => (path === "net/ipv4/ip_forward" ? "0" : "1");
  const tenants = (table: number | undefined) => () =>
    confWith({ tenants: [tenantWith(), tenantWith({ name: "b", table })] });

  test.each<[string, Partial<MachineView>, readonly string[]]>([
    ["on", {}, []],
    ["not known to the kernel", { sysctl: () => undefined }, []],
    ["off, without tenants", { sysctl: off }, ["TR0704"]],
    ["off, without tables", { sysctl: off, conf: tenants(undefined) }, ["TR0704"]],
    ["off, which the node routes say", { sysctl: off, conf: tenants(100) }, []],
  ])("%s", async (_, change, codes) => {
    const { findings } = await look("forwarding", change);
    expect(findings.map(({ code }) => code)).toEqual(codes);
  });

  test("that is off stops all pods, and one command turns it on", async () => {
    const [found] = (await look("forwarding", { sysctl: off })).findings;
    expect([found?.fault, found?.consequence, found?.remedy]).toEqual([
      "net.ipv4.ip_forward is 0",
      "the node drops whatever pods send to anybody else",
      "sysctl -w net.ipv4.ip_forward=1",
    ]);
  });
});
