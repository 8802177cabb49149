import { processIo, type Io } from "./io";
import { runToTheEnd } from "./last-resort";
import { muteNode } from "./node-debug";
import { askedBy, runPlugin } from "./plugin";
import { aboutText } from "./version";

async function main(io: Io): Promise<number> {
  if (io.args.length > 0) return (await import("./cli")).runCli(io);
  if ((io.env["CNI_COMMAND"] ?? "") !== "") {
    muteNode();
    return runPlugin(askedBy(io));
  }
  // The reference plugins print their version there; a person wants to know what to call.
  io.stderr(aboutText());
  return (await import("./cli")).runCli({ ...io, args: ["--help"] });
}

runToTheEnd(processIo(), main);
