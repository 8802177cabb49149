import { isOurNamesFile, tableName, tableNames } from "../../../../../lib/routes/plan/table-names";

const TENANTS = [
  { name: "tenant-a", table: 100 },
  { name: "vpn", table: 300 },
];

test("one line for each table, in a file that is ours", () => {
  const file = tableNames("/etc/iproute2/rt_tables.d", TENANTS);
  expect(file).toEqual({
    path: "/etc/iproute2/rt_tables.d/tenant-routing.conf",
    text: "# Made by wrapper routes apply\n100 tenant-a\n300 tenant-vpn\n",
  });
  expect(isOurNamesFile(file?.text ?? "")).toBe(true);
});

test("of two tenants with one name for their tables, the one that is called so has it", () => {
  expect(
    tableNames("/x", [
      { name: "vpn", table: 1 },
      { name: "tenant-vpn", table: 2 },
    ])?.text,
  ).toBe("# Made by wrapper routes apply\n2 tenant-vpn\n");
});

test("no directory or no table: no file", () => {
  expect([tableNames(undefined, TENANTS), tableNames("/x", [])]).toEqual([undefined, undefined]);
});

test("a file is ours by its first line", () => {
  expect(
    ["# Made by tenant-routing-setup.sh\n100 tenant-a\n", "100 mine\n", ""].map(isOurNamesFile),
  ).toEqual([true, false, false]);
  expect([tableName("tenant-x"), tableName("x")]).toEqual(["tenant-x", "tenant-x"]);
});
