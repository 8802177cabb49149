/** Foreign rules on pods' addresses, as findings. */
import type { Attachment } from "../../../../../lib/attachment/journal";
import { foreignFindings } from "../../../../../lib/checks/marks/foreign";
import type { ForeignRule } from "../../../../../lib/checks/foreign/model";
import { parsePrefix } from "../../../../../lib/net/address";
import { confWith, tenantWith } from "../../../../helpers/conf-object";
import { KEY, record } from "../../../../helpers/context";

const REMOVAL = "iptables-nft -t mangle -D PREROUTING 1";

function rule(part: Partial<ForeignRule> = {}): ForeignRule {
  const source = parsePrefix("10.0.0.0/24");
  return {
    ...{ where: "iptables-nft mangle PREROUTING", text: "-s 10.0.0.0/24", removal: REMOVAL },
    ...{ sources: source === undefined ? [] : [source], mask: 0xff, value: 0x20 },
    ...part,
  };
}

const TENANTS = [tenantWith({ name: "b", mark: { value: 0x20, mask: 0xff } })];
const found = (
  rules: readonly ForeignRule[],
  attachments: readonly Attachment[] = [record()],
  conf = confWith({ tenants: TENANTS }),
) => foreignFindings(conf, attachments, { rules, unseen: [] });

test("a rule that makes a pod's packets another tenant's", () => {
  expect(found([rule()])).toEqual([
    {
      ...{ kind: "foreign-mark", code: "TR0611", category: "pods", severity: "failed" },
      fault:
        'the foreign rule "-s 10.0.0.0/24 (iptables-nft mangle PREROUTING)" marks packets of pod team-a/web-0',
      consequence: "it goes with mark 0x20/0xff, as tenant b",
      remedy: REMOVAL,
      subject: "team-a/web-0",
    },
  ]);
});

test.each<[Partial<ForeignRule>, string]>([
  [{ value: 0x30 }, "it goes with mark 0x30/0xff"],
  [{ value: undefined }, "it goes by another gateway than the tenant's, perhaps"],
])("what follows from a rule with %j", (part, consequence) => {
  expect(found([rule(part)])).toMatchObject([{ consequence, remedy: REMOVAL }]);
});

test("one finding for each rule and pod; a container without a pod by its ID", () => {
  const key = { ...KEY, containerId: "0123456789abcdef" };
  const { pod: _, ...container } = record({ key, addresses: ["fd00::2", "10.0.0.7"] });
  const far = record({ addresses: ["10.9.0.5"] });
  expect(found([rule(), rule()], [record(), container, far]).map(({ subject }) => subject)).toEqual(
    ["team-a/web-0", "container 0123456789abc", "team-a/web-0", "container 0123456789abc"],
  );
});

test("only the bits of the tenants' and the pods' marks matter", () => {
  const marked = record({ mark: { value: 0x100, mask: 0xf00 } });
  const other = rule({ mask: 0x1000, value: 0x1000 });
  expect(found([other], [marked])).toEqual([]);
  expect(found([rule({ mask: 0x200, value: 0x200 })], [marked])).toHaveLength(1);
});

test("where there is no mark at all, those of the default mask do", () => {
  const { mark: _, ...unmarked } = record();
  const conf = confWith({ tenants: undefined, defaultMask: 0xff00 });
  expect(found([rule()], [unmarked], conf)).toEqual([]);
  expect(found([rule({ mask: 0x100, value: 0x100 })], [unmarked], conf)).toMatchObject([
    { kind: "foreign-mark", consequence: "it goes with mark 0x100/0x100" },
  ]);
});
