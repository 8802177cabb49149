/** The lab `tenants` for an audience: its page is reached from this machine, and ends with the lab. */
import { expectNothingLeft, runLab } from "../helpers/lab";

test("the page shows a gateway that is lost, and is there for this machine's browsers", async () => {
  let url = "";
  let title: Promise<string> | undefined;
  const { status, text, prefix } = await runLab("tenants", ["--page", "--verify"], (line) => {
    const [, address] = /The page of this node: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(line) ?? [];
    if (address === undefined) return;
    url = address;
    title = fetch(address).then((answer) => answer.text());
  });
  expect(text).not.toContain("FAILED");
  for (const statement of [
    "the page shows gateway A lost, and tenant A's packets at gateway B",
    "the page shows it up, and tenant A's packets there",
    "the time line has the repair",
    "no pod lacks its mark",
  ])
    expect(text).toContain(`   ok   ${statement}\n`);
  expect(await title).toContain("<title>Tenant routing</title>");
  await expect(fetch(url)).rejects.toThrow();
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("a lab without a page says which has one", async () => {
  const { status, text } = await runLab("vpn", ["--page"]);
  expect([status, text]).toEqual([
    2,
    expect.stringContaining('the lab "vpn" has no page: tenants'),
  ]);
});
