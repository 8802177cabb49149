/** Commands of docs/on-call.md as they are, on a node whose files are where the page says. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { useFaultNode } from "../helpers/fault-node";
import { fencesOf, section } from "../helpers/pages";
import { sh, until } from "../helpers/shell";

const node = useFaultNode();

/** The blocks of shell of a section, as they are pasted. */
function blocksOf(title: string): readonly string[] {
  return fencesOf(section("docs/on-call.md", `## ${title}`), "sh");
}

test("the bundle of the page has the rules, the log and the conflist", () => {
  mkdirSync(node.shared, { recursive: true });
  const into = `cd '${node.shared}'`;
  node.run([into, ...blocksOf("Support bundle")].join("\n"));
  node.run(`${into}; mkdir bundle; tar -C bundle -xzf tenant-routing-report-*.tar.gz`);
  const read = (name: string): string => readFileSync(join(node.shared, "bundle", name), "utf8");
  expect(read("firewall/iptables")).toContain('--comment "tenant-routing team-a/web-0 ');
  expect(read("commands/check.json")).toContain("team-a/web-0");
  expect(read("wrapper.log")).toContain('"msg":"ADD"');
  expect(read("net.d.txt")).toContain("tenant-routing-wrapper");
});

test("what is left over is found without other programs, and taken down", async () => {
  const { web, plain, run } = node;
  const living = spawn("ip", ["netns", "exec", plain.netns, "sleep", "600"], { stdio: "ignore" });
  try {
    await until("a process in the pod", () => sh("ip", "netns", "pids", plain.netns) !== "");
    const [collect = "", list = ""] = blocksOf("Leftovers");
    // Neither has lost its namespace.
    const nothing = "no attachment has lost its sandbox\n";
    expect(run(collect)).toBe(nothing + nothing);
    expect(run(`${list}:`)).toBe(`${web.path}\n`);
    sh("ip", "netns", "delete", web.netns);
    // Younger than a minute it is left to the runtime.
    run(`sed -i 's/"since":"[^"]*"/"since":"2026-01-01T00:00:00Z"/' /run/tenant-routing/*.json`);
    expect(run(collect)).toContain("web-0");
    expect(run("cat /run/tenant-routing/*.json")).not.toContain("web-0");
    expect(run("wrapper rules -o json")).not.toContain("web-0");
    expect(run(collect)).toBe(nothing + nothing);
  } finally {
    living.kill("SIGKILL");
  }
});

test("the switch: the changed conflist is checked, and renamed in place", () => {
  node.configure({ exemptNamespaces: ["kube-system"] });
  const [change = ""] = blocksOf("Turn it off");
  expect(node.run(change)).toContain('"exemptNamespaces": ["*"]');
  expect(node.run("ls /etc/cni/net.d; cat /etc/cni/net.d/*")).toMatch(
    /^10-tenant-routing\.conflist\n.*"exemptNamespaces": \["\*"\]/,
  );
});

test("a line of the log, and the kernel's own answer", () => {
  const [lines = ""] = blocksOf("Read a log line");
  expect(node.run(lines)).toContain('"pod":"team-a/web-0"');
  const [kernel = ""] = blocksOf("Wrong gateway");
  const answers = node.run(kernel.replaceAll("10.200.0.2", "10.88.0.2"));
  const [marked = "", plain = ""] = answers.split("\n").filter((line) => line.includes(" via "));
  expect(marked).toContain("table tenant-a");
  expect(plain).not.toContain("table tenant-a");
});
