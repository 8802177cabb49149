/** What the agent gets from the launcher, and what the runtime gets from the agent. */
import { chmodSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { startAgent, TOKEN, u32 } from "../helpers/fake-agent";
import { BUILDS, packed, useLauncher } from "../helpers/launcher";
import { sh } from "../helpers/shell";

const text = (all: readonly Buffer[]): string[] => all.map(String).toSorted();

describe.each(BUILDS)("%s", (build) => {
  const launcher = useLauncher(build);

  test.each([
    ["an empty one", Buffer.alloc(0)],
    ["a small one", Buffer.from('{"cniVersion":"1.1.0"}\n')],
    ["zero bytes and no UTF-8", Buffer.from([0, 255, 10, 0, 128])],
    ["one of 1 MB", Buffer.alloc(1 << 20, "0123456789abcdef!")],
  ])("the agent gets environment and stdin byte for byte: %s", async (_, stdin) => {
    const ran = await launcher.against(
      async (peer) => {
        const request = await peer.accept();
        expect(text(request.env)).toEqual(
          Object.entries({ ...launcher.env, EMPTY: "", EQUAL: "a=b" })
            .map(([key, value]) => `${key}=${value}`)
            .toSorted(),
        );
        expect(request.stdin.equals(stdin)).toBe(true);
        expect(await peer.finish(3, "answer")).toBe(0);
      },
      { stdin, env: { EMPTY: "", EQUAL: "a=b" } },
    );
    expect(ran).toEqual({ status: 3, signal: null, stdout: Buffer.from("answer"), stderr: "" });
  });

  test("bytes of the environment that are no text pass", async () => {
    const odd = Buffer.from([...Buffer.from("ODD="), 255, 1, 10, 0xc3, 61]);
    await launcher.against(
      async (peer) => {
        const { env } = await peer.accept();
        expect(env.some((each) => each.equals(odd))).toBe(true);
        await peer.finish(0);
      },
      { shell: `ODD=$(printf '\\377\\001\\n\\303='); export ODD` },
    );
  });

  test("a closed stdin is an empty one", async () => {
    const ran = await launcher.against(
      async (peer) => {
        expect((await peer.accept()).stdin).toHaveLength(0);
        await peer.finish(0, "ok");
      },
      { shell: "exec <&-" },
    );
    expect(ran).toMatchObject({ status: 0, stdout: Buffer.from("ok") });
  });

  test("of an endless stdin it takes one byte more than is allowed", async () => {
    await launcher.against(
      async (peer) => {
        expect((await peer.accept()).stdin).toHaveLength((8 << 20) + 1);
        await peer.finish(0);
      },
      { stdin: Buffer.alloc(9 << 20) },
    );
  });

  test("a large answer is written whole, and what the agent says goes to stderr", async () => {
    const answer = Buffer.alloc(4 << 20, "result ");
    const ran = await launcher.against(async (peer) => {
      await peer.accept();
      peer.send("K");
      peer.send("E", "a warning\n");
      await peer.finish(0, answer);
    });
    expect(ran.stdout.equals(answer)).toBe(true);
    expect(ran).toMatchObject({ status: 0, stderr: "a warning\n" });
  });

  test.each([
    ["nobody reads", { deaf: true }, 32],
    ["is closed", { shell: "exec >&-" }, 9],
    ["is full", { shell: "exec >/dev/full" }, 28],
  ])("when stdout %s, the agent hears why and may take the pod back", async (_, options, errno) => {
    const ran = await launcher.against(async (peer) => {
      await peer.accept();
      expect(await peer.finish(0, "a result")).toBe(errno);
      const undone = await peer.run({ path: "/bin/sh", args: ["-c", "echo undone"] });
      expect(undone.stdout.toString()).toBe("undone\n");
      peer.send("Z", u32(1));
      await peer.gone();
    }, options);
    expect(ran).toMatchObject({ status: 1, signal: null, stderr: "" });
  });

  test.each([
    ["an argument", { args: ["routes", "plan"] }, packed("{}", "none", "routes plan")],
    ["no verb", { env: { CNI_COMMAND: undefined } }, packed("{}")],
    ["an empty verb", { env: { CNI_COMMAND: "" } }, packed("{}")],
    ["VERSION", { env: { CNI_COMMAND: "VERSION" } }, packed("{}")],
  ])("with %s it becomes the packed binary at once", async (_, options, stdout) => {
    let calls = 0;
    const agent = await startAgent(launcher.socket, () => void (calls += 1));
    const ran = await launcher.run(options);
    await agent.close();
    expect(ran).toEqual({ status: 0, signal: null, stdout, stderr: "" });
    expect(calls).toBe(0);
  });

  test("an empty name of a socket means that there is no agent", async () => {
    const ran = await launcher.run({ env: { TENANT_ROUTING_AGENT_SOCKET: "" } });
    expect(ran).toEqual({ status: 0, signal: null, stdout: packed("{}"), stderr: "" });
  });

  test.each([
    ["missing", () => rmSync(launcher.packed)],
    ["not executable", () => chmodSync(launcher.packed, 0o644)],
  ])("without agent and with a packed binary that is %s it says what to do", async (why, spoil) => {
    spoil();
    const ran = await launcher.run({ env: { CNI_COMMAND: "DEL" } });
    expect(ran).toMatchObject({ status: 1, stderr: "" });
    const error = JSON.parse(ran.stdout.toString()) as Record<string, unknown>;
    expect(error).toEqual({
      cniVersion: "1.1.0",
      code: 5,
      msg: expect.stringMatching(`tenant-routing-wrapper.bin, which is ${why}: install the packed`),
    });
    expect(error["msg"]).not.toMatch(/not found|no such file/i);
    const cli = await launcher.run({ args: ["version"] });
    expect(cli).toMatchObject({ status: 2, stdout: Buffer.alloc(0) });
    expect(cli.stderr).toMatch(`which is ${why}: install the packed binary`);
  });

  test("no descriptor of the runtime is lost, and none of ours reaches the packed binary", async () => {
    writeFileSync(launcher.packed, "#!/bin/sh\nexec ls /proc/self/fd\n");
    const ran = await launcher.run({ shell: "exec 5</dev/null" });
    expect(ran.stdout.toString()).toBe(
      sh("/bin/sh", "-c", "exec 5</dev/null; exec ls /proc/self/fd"),
    );
    expect(readdirSync(launcher.dir)).toEqual([]);
  });

  test("an inherited token of an agent means nothing", async () => {
    const env = { TENANT_ROUTING_TAKEOVER: TOKEN };
    const ran = await launcher.run({ env });
    expect(ran.stdout).toEqual(packed("{}"));
  });
});
