/** `wrapper status` as a command: its categories, its JSON, who may call it, and what it needs. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import Ajv from "ajv";
import { CONFLIST, useFaultNode } from "../../helpers/fault-node";
import { until } from "../../helpers/shell";

const SCHEMA = JSON.parse(
  readFileSync(resolve(__dirname, "../../../conf/status.schema.json"), "utf8"),
) as object;
const node = useFaultNode();
const CATEGORIES = ["runtime", "credentials", "api", "pods", "routes", "node", "agent"];

/** Runs a script without throwing: its output with its exit status as the last line. */
const attempt = (script: string): string =>
  node.run(`{ ${script}; } 2>&1 && s=0 || s=$?; echo "status $s"`);

test("a healthy node: one line a category, and JSON as its schema says", () => {
  const seen = node.status();
  expect(seen.status).toBe(0);
  const heads = [...seen.text.matchAll(/^(?:ok|-) +(\w+) /gm)].map(([, category]) => category);
  expect(heads).toEqual(CATEGORIES);
  const object = JSON.parse(node.run("wrapper status -o json")) as {
    categories: { category: string; state: string }[];
  };
  const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(SCHEMA);
  expect([validate(object), validate.errors]).toEqual([true, null]);
  expect(object.categories.map(({ category, state }) => [category, state])).toEqual(
    CATEGORIES.map((category) => [
      category,
      ["credentials", "api", "agent"].includes(category) ? "skipped" : "ok",
    ]),
  );
});

test("--only looks at some categories, and knows no others", () => {
  node.run("ip rule del fwmark 0x10/0xff lookup 100");
  expect(attempt("wrapper status --only pods,node")).toMatch(
    /^ok +pods .*\nok +node .*\nstatus 0\n$/,
  );
  expect(attempt("wrapper status --only routes")).toMatch(/TR0117 [^]*\nstatus 1\n$/);
  expect(attempt("wrapper status --only everything")).toMatch(/unknown category[^]*\nstatus 2\n$/);
});

test("the command that ends it is about the conflist that was named", () => {
  node.run(`cp ${CONFLIST} /etc/other.conflist; ip rule del fwmark 0x10/0xff lookup 100`);
  const { findings, text } = node.status("-c", "/etc/other.conflist");
  expect(findings.map(({ remedy }) => remedy)).toEqual([
    "wrapper routes apply -c /etc/other.conflist",
  ]);
  expect(text).toContain("/etc/other.conflist is not in /etc/cni/net.d");
  node.run(findings[0]?.remedy ?? "false");
  expect(node.status("-c", "/etc/other.conflist").findings).toEqual([]);
});

test("on k3s every command looks where its containerd does", () => {
  const agent = "/var/lib/rancher/k3s/agent";
  const dir = `${agent}/etc/cni/net.d`;
  node.files.write(
    `${agent}/etc/containerd/config.toml`,
    `[plugins.'io.containerd.cri.v1.runtime'.cni]\n  bin_dirs = ["${node.bin}"]\n  conf_dir = "${dir}"\n`,
  );
  node.run(`mkdir -p ${dir}; mv ${CONFLIST} ${dir}`);
  expect(node.status()).toMatchObject({ status: 0, findings: [] });
  for (const command of ["check", "rules", "routes show"])
    expect(node.run(`wrapper ${command}`)).toContain(`${dir}/10-tenant-routing.conflist\n`);
  node.run(`mv ${dir}/10-tenant-routing.conflist /etc/tenants.conflist`);
  node.files.write(`${dir}/10-flannel.conflist`, '{"name":"cbr0","plugins":[{"type":"flannel"}]}');
  const valid = node.run("wrapper validate /etc/tenants.conflist");
  expect(valid).toContain(
    "switch it on:\n  echo 'flannel-cni-conf: /etc/tenants.conflist' >>/etc/rancher/k3s/config.yaml",
  );
  node.run(`cp /etc/tenants.conflist ${dir}/10-flannel.conflist`);
  node.files.write(`${agent}/kubelet.kubeconfig`, "");
  node.run(`sed -i 's#"delegate"#"kubeconfig":"/etc/kubernetes/kubelet.conf",&#' ${dir}/*`);
  expect(node.status("--only", "credentials").findings[0]).toMatchObject({
    code: "TR0501",
    remedy: `Correct "kubeconfig" in the conflist: k3s has it at ${agent}/kubelet.kubeconfig`,
  });
});

test("without a conflist it says so, and that it could look at nothing else", () => {
  node.run(`rm ${CONFLIST}`);
  const { status, findings, text } = node.status();
  expect([status, findings.map(({ code }) => code)]).toEqual([1, ["TR0303"]]);
  expect(text).toMatch(/^\? +pods +could not look at marks, foreign rules, pools, annotations: /m);
});

test("without root it looks at what everybody may read, and says what it could not", () => {
  const open = "chmod 0755 /etc /etc/cni /etc/cni/net.d /etc/containerd";
  node.run(`chmod 0644 ${CONFLIST}; ${open}; chmod 0755 ${node.routes.dir}`);
  const as = "setpriv --reuid 65534 --regid 65534 --clear-groups";
  const said = attempt(`${as} wrapper status`);
  expect(said).toMatch(/^\? +runtime [^?]*could not look at plugins:\s+\/etc\/containerd\//m);
  expect(said).toMatch(/^\? +pods +could not look at marks/m);
  expect(said).toMatch(/ run it as root, [^]*\nstatus 2\n$/);
  node.run("chmod 0644 /etc/containerd/config.toml");
  expect(attempt(`${as} wrapper status`)).toMatch(/^ok +runtime [^]*\nstatus 2\n$/);
});

test("--watch goes on until it is interrupted, and ends with what it saw last", async () => {
  const watching = spawn("nsenter", [
    ...["-t", String(node.holder), "-m", "-n", "--", "env", "-i"],
    ...[`PATH=${node.bin}:/usr/sbin:/usr/bin:/sbin:/bin`, "wrapper", "status", "--watch"],
  ]);
  let said = "";
  watching.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<unknown>((resolve) => watching.once("exit", resolve));
  try {
    await until("a first look", () => /^ok +routes/m.test(said));
    node.run("ip rule del fwmark 0x10/0xff lookup 100");
    await until("a look at the fault", () => /TR0117[^]*^-? *agent/m.test(said));
    watching.kill("SIGINT");
    expect(await ended).toBe(1);
  } finally {
    watching.kill("SIGKILL");
  }
});
