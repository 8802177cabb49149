/**
 * Where the agent is no help: it is absent, frozen, dead, or talks nonsense. The launcher becomes the packed
 * binary with the same request, and says whether the agent may have begun.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join, resolve } from "node:path";
import { frame, programFrame, startAgent, TOKEN, u32, type Peer } from "../helpers/fake-agent";
import { BUILDS, packed, useLauncher, type LaunchOptions } from "../helpers/launcher";
import { until } from "../helpers/shell";

const AGENT = resolve(__dirname, "../fixtures/agent.cjs");
const SHORT = { TENANT_ROUTING_AGENT_TIMEOUT_MS: "300" };
const STDIN = "the request\n".repeat(1000);
/** The token of test/fixtures/agent.cjs. */
const ITS_TOKEN = "7 77 1";

interface Child {
  readonly process: ChildProcess;
  said(word: string): Promise<unknown>;
}

describe.each(BUILDS)("%s", (build) => {
  const launcher = useLauncher(build);
  let children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
    children = [];
  });

  async function expectPacked(options: LaunchOptions = {}, takeover = "none"): Promise<void> {
    const ran = await launcher.run({ stdin: STDIN, ...options });
    const stdout = packed(STDIN, takeover);
    expect(ran).toEqual({ status: 0, signal: null, stdout, stderr: "" });
  }

  /** An agent in a process of its own. */
  async function agentProcess(words: readonly string[], uid?: number): Promise<Child> {
    const options = uid === undefined ? {} : { uid };
    const child = spawn(process.execPath, [AGENT, launcher.socket, ...words], options);
    children.push(child);
    let text = "";
    child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
    const said = (word: string): Promise<unknown> => until(word, () => text.includes(word));
    await said("listening");
    return { process: child, said };
  }

  describe("before it has been told to go", () => {
    test("no socket, no directory, a name that is too long", async () => {
      await expectPacked();
      for (const socket of [join(launcher.dir, "no/agent.sock"), `/${"x".repeat(200)}`])
        await expectPacked({ env: { TENANT_ROUTING_AGENT_SOCKET: socket } });
    });

    test("a file that is no socket, a directory", async () => {
      writeFileSync(launcher.socket, "");
      await expectPacked();
      const dir = join(launcher.dir, "dir");
      mkdirSync(dir);
      await expectPacked({ env: { TENANT_ROUTING_AGENT_SOCKET: dir } });
    });

    test("a socket on which nobody listens any more", async () => {
      const { process: child } = await agentProcess(["mute"]);
      child.kill("SIGKILL");
      await until("its end", () => child.exitCode !== null || child.signalCode !== null);
      expect(existsSync(launcher.socket)).toBe(true);
      await expectPacked();
    });

    test("a stopped agent", async () => {
      const { process: child } = await agentProcess(["hello"]);
      child.kill("SIGSTOP");
      await expectPacked({ env: SHORT });
    });

    test("a stopped agent that has as many callers as the kernel takes", async () => {
      const { process: child } = await agentProcess(["mute"]);
      child.kill("SIGSTOP");
      const callers: Socket[] = [];
      await new Promise<void>((full) => {
        const call = (): void => {
          const caller = connect(launcher.socket, call);
          callers.push(caller);
          caller.on("error", () => full());
        };
        call();
      });
      await expectPacked();
      for (const caller of callers) caller.destroy();
    });

    test("a socket of somebody else", async () => {
      chmodSync(launcher.dir, 0o777);
      chmodSync(join(launcher.dir, ".."), 0o755);
      await agentProcess(["hello"], 65534);
      await expectPacked();
    });

    test.each<[string, (peer: Peer) => Promise<void> | void]>([
      ["hangs up at once", (peer) => void peer.socket.destroy()],
      [
        "hangs up after the request",
        async (peer) => void (await peer.request(), peer.socket.end()),
      ],
      ["is stopping", async (peer) => void (await peer.request(), peer.send("N"))],
      [
        "answers in another protocol",
        (peer) => void peer.socket.write("HTTP/1.1 400 Bad Request\n"),
      ],
      ["greets with a token that is too long", (peer) => peer.send("H", "x".repeat(300))],
      ["answers without a greeting", (peer) => peer.send("F", u32(0), "answer")],
      [
        "announces 4 GB",
        (peer) => void peer.socket.write(Buffer.from("H\xff\xff\xff\xff", "latin1")),
      ],
      ["greets half", (peer) => void peer.socket.end(frame("H", TOKEN).subarray(0, 8))],
    ])("an agent that %s", async (_, script) => {
      const agent = await startAgent(launcher.socket, script);
      await expectPacked();
      await agent.close();
    });
  });

  describe("after it has been told to go", () => {
    test.each<[string, (peer: Peer) => Promise<void> | void]>([
      ["hangs up", (peer) => void peer.socket.end()],
      ["sends nonsense", (peer) => void peer.socket.write("nonsense")],
      ["greets again", (peer) => peer.send("H", TOKEN)],
      [
        "announces 4 GB",
        (peer) => void peer.socket.write(Buffer.from("F\xff\xff\xff\xff", "latin1")),
      ],
      ["answers without a status", (peer) => peer.send("F", "1")],
      ["ends without a status", (peer) => peer.send("Z")],
      [
        "stops in the middle of an answer",
        (peer) => void peer.socket.end(frame("F", u32(0), "abc").subarray(0, 10)),
      ],
      ["asks for half a program", (peer) => peer.send("X", u32(1), u32(1), u32(1), u32(9), "/bin")],
      ["asks for no program", (peer) => peer.send("X")],
      ["counts wrong", (peer) => peer.send("X", u32(1), u32(1), u32(1), u32(0xffffffff), "/bin")],
      [
        "asks for a second program meanwhile",
        (peer) => {
          for (const word of ["1000", "1001"])
            peer.socket.write(programFrame({ path: "/bin/sleep", args: [word] }));
        },
      ],
    ])("an agent that %s", async (_, script) => {
      const agent = await startAgent(launcher.socket, async (peer) => {
        await peer.accept();
        await script(peer);
      });
      await expectPacked({}, TOKEN);
      await agent.close();
    });

    test("the answer cannot be written and the agent is gone", async () => {
      const agent = await startAgent(launcher.socket, async (peer) => {
        await peer.accept();
        peer.socket.end(frame("F", u32(0), "answer"));
      });
      const ran = await launcher.run({ stdin: STDIN, shell: "exec >/dev/full" });
      expect(ran.status).not.toBe(0);
      await agent.close();
    });

    test("an answer that comes byte by byte is an answer", async () => {
      const ran = await launcher.against(async (peer) => {
        for (const byte of Buffer.concat([frame("H", TOKEN), frame("K")])) {
          peer.socket.write(Buffer.of(byte));
          await new Promise(setImmediate);
        }
        await peer.request();
        await peer.expect("G");
        for (const byte of frame("F", u32(0), "answer")) {
          peer.socket.write(Buffer.of(byte));
          await new Promise(setImmediate);
        }
        await peer.expect("D");
      });
      expect(ran).toMatchObject({ status: 0, stdout: Buffer.from("answer") });
    });

    test.each<["is stopped" | "is killed", NodeJS.Signals]>([
      ["is stopped", "SIGSTOP"],
      ["is killed", "SIGKILL"],
    ])(
      "an agent that %s: the program that runs for it ends with its children",
      async (_, signal) => {
        const pidFile = join(launcher.dir, "pid");
        const text = `sleep 1000 & echo $! >${pidFile}; wait`;
        const program = programFrame({ path: "/bin/sh", args: ["-c", text] });
        const agent = await agentProcess(["program", program.toString("hex")]);
        const ran = expectPacked({}, ITS_TOKEN);
        const pid = await until(
          "the program",
          () => existsSync(pidFile) && readFileSync(pidFile, "utf8").trim(),
        );
        agent.process.kill(signal);
        await ran;
        await until("the end of its child", () => isGone(pid));
      },
    );

    test("an agent that is stopped while nothing runs", async () => {
      const agent = await agentProcess(["hello"]);
      const ran = expectPacked({}, ITS_TOKEN);
      await agent.said("go");
      agent.process.kill("SIGSTOP");
      await ran;
    });
  });

  function isGone(pid: string): boolean {
    const path = `/proc/${pid}/stat`;
    return !existsSync(path) || / Z /.test(readFileSync(path, "utf8"));
  }
});
