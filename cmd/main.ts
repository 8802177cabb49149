import { processIo, type Io } from "./io";
import { runPlugin } from "./plugin";
import { aboutText } from "./version";

async function main(io: Io): Promise<number> {
  if (io.args.length > 0) return (await import("./cli")).runCli(io);
  if ((io.env["CNI_COMMAND"] ?? "") !== "") return runPlugin(io);
  io.stderr(aboutText());
  return 0;
}

// The one exit point. Keep-alive sockets and timers must not hold a runtime up.
void main(processIo()).then((status) => process.exit(status));
