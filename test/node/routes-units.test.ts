/** The systemd units: what they run works with no more than they allow. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { PROGRAM } from "../helpers/command-line";
import { INTERNET, useRoutesNode, WRAPPER } from "../helpers/routes-node";

const node = useRoutesNode();
const unit = (name: string): string =>
  readFileSync(resolve(__dirname, `../../manifests/${name}.service`), "utf8");
const valuesOf = (text: string, key: string): readonly string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
const TENANTS = {
  "tenant-a": {
    fwmark: "0x10/0xff",
    table: 100,
    snat: "masquerade",
    gateways: [{ via: "10.10.10.1", check: INTERNET }, { via: "10.10.20.1" }],
  },
};

/** A command line of the unit with its capabilities, ended as systemd ends it after `seconds`. */
function runAsUnit(
  text: string,
  commandLine: string,
  seconds: number,
): { status: number | null; said: string } {
  const [, action = "", ...args] = commandLine.replace(/^-/, "").split(" ").slice(1);
  const capabilities = (valuesOf(text, "CapabilityBoundingSet")[0] ?? "")
    .split(" ")
    .map((name) => `+${name.toLowerCase().replace(/^cap_/, "")}`);
  const bounded = [
    "setpriv",
    "--bounding-set",
    ["-all", ...capabilities].join(","),
    "--no-new-privs",
    WRAPPER,
    "routes",
    action,
    "--conf",
    node.conf,
    ...args,
  ];
  const { status, stdout, stderr } = spawnSync(
    "ip",
    [
      "netns",
      "exec",
      node.netns,
      "timeout",
      "--preserve-status",
      "-s",
      "TERM",
      String(seconds),
      ...bounded,
    ],
    { encoding: "utf8" },
  );
  return { status, said: stdout + stderr };
}

test.each(["tenant-routing-routes", "tenant-routing-routes-apply"])(
  "%s runs commands that there are, before the kubelet",
  (name) => {
    const text = unit(name);
    const commands = [...valuesOf(text, "ExecStartPre"), ...valuesOf(text, "ExecStart")];
    for (const command of commands) {
      const [program = "", name2 = "", action = "", ...options] = command
        .replace(/^-/, "")
        .split(" ");
      expect([program, name2]).toEqual(["/usr/local/bin/wrapper", "routes"]);
      const { options: known } =
        PROGRAM.commands
          .find((each) => each.name === "routes")
          ?.commands.find((each) => each.name === action) ?? {};
      expect(known).toBeDefined();
      for (const option of options) expect(known?.map(({ long }) => long)).toContain(option);
    }
    expect(valuesOf(text, "Before")[0]?.split(" ")).toContain("kubelet.service");
    expect(commands.length).toBeGreaterThan(0);
  },
);

test("with the units' capabilities alone everything is made, watched, pinged and repaired", () => {
  const settings = {
    podNetworks: ["10.88.0.0/16"],
    acceptForward: true,
    watch: {
      interval: "200ms",
      timeout: "1s",
      holdDown: "1s",
      statusFile: `${node.dir}/status.json`,
    },
  };
  node.configure(TENANTS, settings);
  const [once, watched] = [unit("tenant-routing-routes-apply"), unit("tenant-routing-routes")];
  const applied = runAsUnit(once, valuesOf(once, "ExecStart")[0] ?? "", 60);
  expect(applied).toEqual({
    status: 0,
    said: expect.stringContaining("sysctl -w net.ipv4.ip_forward=1"),
  });
  expect(applied.said).toContain("iptables -w -I FORWARD -s 10.88.0.0/16");
  node.run(
    "ip rule del pref 32765; nft delete table inet tenant-routing; iptables -w 5 -F FORWARD; echo 0 >/proc/sys/net/ipv4/ip_forward",
  );
  const { status, said } = runAsUnit(watched, valuesOf(watched, "ExecStart")[0] ?? "", 8);
  expect([status, said.split("\n").length]).toEqual([0, 3]);
  expect(said).toMatch(
    /^watching 1 tenant with 2 gateways; changed: .*nft -f.*ip -4 rule add pref 32765.*FORWARD.*; and 1 more\nstopped; the routes stay as they are\n$/,
  );
});
