import { createForwardTable, type ForwardTable } from "../../../../../lib/routes/kernel/forward";
import { FakeExec, fakeHost, type Answer } from "../../../../helpers/fakes";

const RULE = '-s 10.200.0.0/16 -m comment --comment "tenant-routing routes" -j ACCEPT';
const SAVE = (...rules: string[]): string =>
  [
    "*filter",
    ":FORWARD DROP [0:0]",
    ...rules.map((rule) => `-A FORWARD ${rule}`),
    "COMMIT",
    "",
  ].join("\n");

function tableOf(
  script: Answer[],
  part: { configured?: "auto" | "nft" | "legacy"; host?: Parameters<typeof fakeHost>[0] } = {},
): { table: ForwardTable; exec: FakeExec } {
  const exec = new FakeExec(...script);
  const { configured = "nft", host } = part;
  return {
    exec,
    table: createForwardTable({
      exec,
      configured,
      dataDir: "/none",
      lockTimeoutMs: 1000,
      host: fakeHost(host),
    }),
  };
}

test("ours, by their comment, of both families", async () => {
  const { table, exec } = tableOf([SAVE(RULE, "-j DROP", RULE.replace(" routes", "")), SAVE()]);
  expect(await table.list()).toEqual([{ family: 4, spec: RULE }]);
  expect(exec.calls).toEqual([
    "/usr/sbin/iptables-nft-save -t filter",
    "/usr/sbin/ip6tables-nft-save -t filter",
  ]);
});

test("those of the other variant say so, where it has the table", async () => {
  const { table, exec } = tableOf([SAVE(RULE), SAVE(), SAVE(RULE)], {
    configured: "legacy",
    host: { legacy4: ["filter"], legacy6: ["mangle"] },
  });
  expect(await table.list()).toEqual([
    { family: 4, spec: RULE, backend: "nft" },
    { family: 4, spec: RULE },
  ]);
  expect(exec.calls).toHaveLength(3);
});

test("without IPv6, or its programs, that family is not asked", async () => {
  for (const host of [
    { ipv6: false },
    { programs: ["iptables-nft-save", "iptables-nft-restore"] },
  ]) {
    const { table, exec } = tableOf([SAVE()], { host });
    await table.list();
    expect(exec.calls).toHaveLength(1);
  }
});

test("a table that cannot be read is an error, not an empty table", async () => {
  const { table } = tableOf(["# Table `filter' is incompatible, use 'nft' tool.\n", SAVE()]);
  await expect(table.list()).rejects.toMatchObject({
    code: 110,
    message: expect.stringContaining("nft list table ip filter"),
  });
});

test("a change is one restore, in the variant in use or that of the rule", async () => {
  const { table, exec } = tableOf(["", ""]);
  await table.change("insert", { family: 6, spec: RULE });
  await table.change("del", { family: 4, spec: RULE, backend: "legacy" });
  expect(exec.calls).toEqual([
    "/usr/sbin/ip6tables-nft-restore --noflush -w 1",
    "/usr/sbin/iptables-legacy-restore --noflush -w 1",
  ]);
  expect(exec.inputs).toEqual([
    `*filter\n-I FORWARD ${RULE}\nCOMMIT\n`,
    `*filter\n-D FORWARD ${RULE}\nCOMMIT\n`,
  ]);
});

test("all that is there, by program; no legacy table is made by looking", async () => {
  const { table, exec } = tableOf(["a", "b", "c"], { host: { legacy6: ["mangle"] } });
  expect(await table.saved()).toEqual([
    { program: "iptables-nft", text: "a" },
    { program: "ip6tables-nft", text: "b" },
    { program: "ip6tables-legacy", text: "c" },
  ]);
  expect(exec.calls).toEqual([
    "/usr/sbin/iptables-nft-save",
    "/usr/sbin/ip6tables-nft-save",
    "/usr/sbin/ip6tables-legacy-save",
  ]);
});

test("on a node without iptables nothing is ours, and a rule that is wanted says what to do", async () => {
  const host = { ...fakeHost(), find: () => undefined };
  const exec = new FakeExec();
  const options = { exec, configured: "auto", dataDir: "/none", lockTimeoutMs: 1000 } as const;
  const table = createForwardTable({ ...options, host });
  expect(await table.list()).toEqual([]);
  await expect(table.change("insert", { family: 4, spec: RULE })).rejects.toThrow(
    /"acceptForward" needs iptables, which is not installed: install the package iptables; or, .* remove "acceptForward"/,
  );
  expect(exec.calls).toEqual([]);
});
