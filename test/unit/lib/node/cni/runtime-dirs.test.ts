import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DISTRIBUTIONS } from "../../../../../lib/node/cni/distributions";
import { readRuntimeDirs } from "../../../../../lib/node/cni/runtime-dirs";

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "runtime-dirs-"))));
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text = ""): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const V2 = `version = 2
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/other"
`;

test("no runtime, no directories", () => {
  expect(readRuntimeDirs(root)).toBeUndefined();
});

test.each([
  ["1", V2.replace('"io.containerd.grpc.v1.cri"', "cri")],
  ["2", V2],
  ["3", V2.replace('"io.containerd.grpc.v1.cri"', "'io.containerd.cri.v1.runtime'")],
])("containerd's file of version %s", (_, text) => {
  put("etc/containerd/config.toml", text);
  expect(readRuntimeDirs(root)).toMatchObject({
    runtime: "containerd",
    file: "/etc/containerd/config.toml",
    confDir: "/etc/other",
    binDirs: ["/usr/lib/cni"],
  });
});

test("containerd 2.1's bin_dirs go before bin_dir", () => {
  const dirs = 'bin_dirs = ["/a", "/b"]';
  put("etc/containerd/config.toml", V2.replace("\n  conf_dir", `\n  ${dirs}\n  conf_dir`));
  expect(readRuntimeDirs(root)?.binDirs).toEqual(["/a", "/b"]);
});

test("what is imported counts last", () => {
  put("etc/containerd/config.toml", `imports = ["conf.d/*.toml"]\n${V2}`);
  put("etc/containerd/conf.d/10.toml", V2.replace("/usr/lib/cni", "/late"));
  put("etc/containerd/conf.d/20.toml.bak", V2.replace("/usr/lib/cni", "/never"));
  expect(readRuntimeDirs(root)?.binDirs).toEqual(["/late"]);
});

test("containerd that runs without a file has its defaults", () => {
  put("run/containerd/containerd.sock");
  expect(readRuntimeDirs(root)).toMatchObject({
    runtime: "containerd",
    file: undefined,
    confDir: "/etc/cni/net.d",
    binDirs: ["/opt/cni/bin"],
  });
});

test("containerd without the CRI is not asked", () => {
  put("etc/containerd/config.toml", `disabled_plugins = ["cri"]\n`);
  put("run/containerd/containerd.sock");
  expect(readRuntimeDirs(root)).toBeUndefined();
});

test("the one that runs goes before one that is only configured", () => {
  put("etc/containerd/config.toml", V2);
  put("etc/crio/crio.conf", "");
  put("etc/crio/crio.conf.d/10.conf", `[crio.network]\nplugin_dirs = ["/x", "/y"]\n`);
  put("run/containerd/containerd.sock");
  expect(readRuntimeDirs(root)?.runtime).toBe("containerd");
  rmSync(join(root, "run"), { recursive: true });
  put("run/crio/crio.sock");
  expect(readRuntimeDirs(root)).toMatchObject({
    runtime: "CRI-O",
    file: "/etc/crio/crio.conf",
    confDir: "/etc/cni/net.d",
    binDirs: ["/x", "/y"],
  });
});

test("k3s's own containerd goes before the machine's", () => {
  const file = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml";
  put("etc/containerd/config.toml", V2);
  put(file, V2.replace("/usr/lib/cni", "/var/lib/rancher/k3s/data/current/bin"));
  expect(readRuntimeDirs(root)).toMatchObject({
    file,
    binDirs: ["/var/lib/rancher/k3s/data/current/bin"],
  });
});

test("of a variable that nobody has filled in, the distribution's usual place", () => {
  put("var/snap/microk8s/current/args/containerd.toml", V2.replace("/usr/lib", "${SNAP}/lib"));
  expect(readRuntimeDirs(root)).toMatchObject({
    confDir: "/etc/other",
    binDirs: ["/var/snap/microk8s/current/opt/cni/bin"],
  });
});

test.each(DISTRIBUTIONS.flatMap((each) => each.configs.map((file) => [file, each] as const)))(
  "%s: its distribution is known, and where it looks when the file cannot be read",
  (file, distribution) => {
    // A directory stands for a file that cannot be read, which root's permissions could not make.
    mkdirSync(join(root, file), { recursive: true });
    put(distribution.socket);
    expect(readRuntimeDirs(root)).toEqual({
      ...{ runtime: distribution.runtime, file, distribution },
      confDir: distribution.confDir,
      binDirs: [distribution.binDir],
    });
  },
);

test("k3s without flannel leaves both out, and its containerd looks where containerd does", () => {
  put("var/lib/rancher/k3s/agent/etc/containerd/config.toml", "version = 2\n");
  expect(readRuntimeDirs(root)).toMatchObject({
    distribution: { name: "k3s" },
    confDir: "/etc/cni/net.d",
    binDirs: ["/opt/cni/bin"],
  });
});

test("RKE2 and k3s have one socket, and the file tells them apart", () => {
  put("var/lib/rancher/rke2/agent/etc/containerd/config.toml", "version = 2\n");
  put("run/k3s/containerd/containerd.sock");
  expect(readRuntimeDirs(root)?.distribution.name).toBe("RKE2");
});
