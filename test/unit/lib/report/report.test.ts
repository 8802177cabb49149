import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import type { Json } from "../../../../lib/cni/json";
import { collect } from "../../../../lib/report/collect";
import { scrub, scrubConflist, scrubOwn } from "../../../../lib/report/scrub";
import { archive } from "../../../../lib/report/tar";
import { sh } from "../../../helpers/shell";

const SECRET = "hunter2hunter2";
const PEM = `-----BEGIN PRIVATE KEY-----\n${SECRET}\nMII/+=\n-----END PRIVATE KEY-----`;
const JWT = `eyJhbGciOiJSUzI1NiJ9.${SECRET}.sig-_`;

describe("text", () => {
  test.each([
    ["a PEM key", `before ${PEM} after`],
    ["a PEM key in JSON", JSON.stringify({ details: PEM })],
    ["a PEM key without its end", `-----BEGIN RSA PRIVATE KEY-----\n${SECRET}`],
    ["a PEM key in base64", `x: ${Buffer.from(PEM).toString("base64")}`],
    ["a signed token", `got ${JWT}`],
    ["a header", `Authorization: Bearer ${SECRET}`],
    ["a URL", `https://user:${SECRET}@example.org/`],
    ["an assignment", `export AWS_SECRET_ACCESS_KEY=${SECRET}`],
    ["YAML", `    token: ${SECRET}\n`],
    ["JSON", `{"password": "${SECRET}", "n": 1}`],
    ["JSON in JSON", JSON.stringify({ error: JSON.stringify({ clientSecret: SECRET }) })],
    ["a value with spaces", `{"passwd": "a ${SECRET} b"}`],
    ["a query", `GET /x?api_key=${SECRET}&y=1`],
  ])("%s is taken out", (_, text) => {
    expect(scrub(text)).not.toContain(SECRET);
    expect(scrub(text)).not.toContain(Buffer.from(PEM).toString("base64").slice(20, 40));
  });

  test("megabytes of anything are scrubbed in linear time: as the square it would be hours", () => {
    for (const unit of ["-", "a", "token", "eyJ", "://", "secret ", "-----BEGIN X-----"])
      expect(scrub(unit.repeat((4 * 1024 * 1024) / unit.length)).length).toBeGreaterThan(0);
  });

  test("what is not secret stays as it is", () => {
    const rules = `-A PREROUTING -s 10.1.0.5/32 -m comment --comment "tenant-routing team-a/web-0 01234567-0123456789abcdef01234567" -j MARK --set-xmark 0x10/0xff
default via 10.10.10.131 dev eth1 proto kernel
{"time":"2026-01-01T00:00:00Z","level":"info","msg":"ADD","pod":"team-a/web-0","mark":"0x10/0xff"}`;
    expect(scrub(rules)).toBe(rules);
  });
});

describe("configurations", () => {
  const ours = {
    type: "tenant-routing-wrapper",
    kubeconfig: "/etc/kubernetes/kubelet.conf",
    tenants: { "tenant-a": { fwmark: "0x10/0xff", delegate: { pass: SECRET } } },
    delegate: { type: "ptp", mtu: 1400, user: SECRET, ipam: { type: "host-local", key: SECRET } },
  };
  const other = { type: "calico", etcd: { pass: SECRET }, words: [SECRET], mtu: 1440 };

  test("ours are shown but for what is somebody else's, in which only harmless keys are", () => {
    const list: Json = { cniVersion: "1.0.0", name: "net", plugins: [ours, other], note: SECRET };
    const shown = scrubConflist(list);
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(shown).toMatchObject({
      cniVersion: "1.0.0",
      name: "net",
      plugins: [
        {
          kubeconfig: "/etc/kubernetes/kubelet.conf",
          tenants: { "tenant-a": { fwmark: "0x10/0xff" } },
          delegate: { type: "ptp", mtu: 1400, ipam: { type: "host-local", key: "[removed]" } },
        },
        { type: "calico", mtu: 1440, words: ["[removed]"] },
      ],
    });
  });

  test("a record is shown but for its delegate's secrets", () => {
    const record = {
      key: { network: "n", containerId: "c" },
      delegate: { type: "ptp", x: SECRET },
    };
    expect(scrubOwn(record)).toEqual({ ...record, delegate: { type: "ptp", x: "[removed]" } });
  });

  test("a netconf that is no list, and what is no object", () => {
    expect(scrubConflist({ type: "bridge", bridge: "cni0", pw: SECRET })).toEqual({
      type: "bridge",
      bridge: "cni0",
      pw: "[removed]",
    });
    expect(scrubConflist([SECRET])).toEqual(["[removed]"]);
  });
});

describe("the archive", () => {
  test("tar unpacks it, with contents, mode and time", () => {
    const dir = mkdtempSync(join(tmpdir(), "report-"));
    try {
      const content = Buffer.from("x".repeat(700));
      const files = [
        { name: "a/b.txt", content },
        { name: "empty", content: Buffer.from("") },
        { name: "../../etc/evil name", content: Buffer.from("1") },
        { name: "n".repeat(300), content: Buffer.from("2") },
      ];
      const at = new Date("2026-01-02T03:04:05Z");
      writeFileSync(join(dir, "x.tar"), archive(files, at));
      sh("tar", "-C", dir, "-xf", join(dir, "x.tar"));
      expect(readFileSync(join(dir, "a/b.txt"))).toEqual(content);
      expect(statSync(join(dir, "a/b.txt")).mode & 0o777).toBe(0o600);
      expect(statSync(join(dir, "a/b.txt")).mtime).toEqual(at);
      expect(readFileSync(join(dir, "etc/evil_name"), "utf8")).toBe("1");
      expect(readFileSync(join(dir, "n".repeat(100)), "utf8")).toBe("2");
      expect(statSync(join(dir, "empty")).size).toBe(0);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe("collecting", () => {
  const text = ({ content }: { content: Uint8Array }): string => Buffer.from(content).toString();
  const part = (name: string, read: () => Promise<string>, keeps?: "end") => ({
    name,
    read,
    ...(keeps === undefined ? {} : { keeps }),
  });

  test("a part that fails has its reason in its place, and the others are there, in their order", async () => {
    const { files, missing } = await collect(
      [
        part("one", async () => "1"),
        part("two", async () => {
          throw new CniError("io", `broken, token=${SECRET}`);
        }),
        ...["three", "four", "five", "six"].map((name) => part(name, async () => name)),
      ],
      scrub,
    );
    expect(files.map(text)).toEqual([
      "1",
      "could not be collected: broken, token=[removed]\n",
      ...["three", "four", "five", "six"],
    ]);
    expect(missing).toEqual([{ name: "two", why: "broken, token=[removed]" }]);
  });

  test("what is too long loses its end, a log its beginning, and says so", async () => {
    const long = `first ${"-".repeat(5 * 1024 * 1024)} last`;
    const { files } = await collect(
      [part("text", async () => long), part("log", async () => long, "end")],
      (each) => each,
    );
    const [head = "", tail = ""] = files.map(text);
    for (const each of [head, tail]) {
      expect(each.length).toBeLessThan(4.1 * 1024 * 1024);
      expect(each).toMatch(/\[\d+ bytes were left out\]/);
    }
    expect([head.startsWith("first"), head.includes("last")]).toEqual([true, false]);
    expect([tail.includes("first"), tail.endsWith("last")]).toEqual([false, true]);
  });
});
