import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import { takenAway } from "../../../../../lib/routes/plan/taken-away";
import { EMPTY_RECORD, type RoutesRecord } from "../../../../../lib/routes/model";
import { confOf, stateOf, TENANTS } from "../node-rig";

const recordOf = (tenants: object): RoutesRecord => ({
  ...EMPTY_RECORD,
  rules: desiredRoutes(confOf({ tenants: { ...tenants } }), stateOf()).rules.map(
    ({ item }) => item,
  ),
});
const lost = (tenants: object, record = recordOf(TENANTS)): number[] =>
  takenAway(desiredRoutes(confOf({ tenants: { ...tenants } }), stateOf()), record).map(
    ({ value }) => value,
  );

test.each([
  ["no tenant has a table any more", { a: { fwmark: "0x10/0xff" } }, [0x10, 0x20]],
  ["all tenants are others", { c: { fwmark: "0x40/0xff", table: 7 } }, [0x10, 0x20]],
  ["one tenant stays", { a: TENANTS.a }, []],
])("%s", (_, tenants, marks) => {
  expect(lost(tenants)).toEqual(marks);
});

test("nothing can be taken away from a node without tenants", () => {
  expect(lost({ a: TENANTS.a }, EMPTY_RECORD)).toEqual([]);
});
