/**
 * Compiles cmd/launcher/launcher.c with every C compiler of this machine; a warning is an error. Without
 * a compiler it says so, and fails under CI.
 */
import { join } from "node:path";
import { checkLauncher } from "./build/launcher.mjs";

try {
  if (checkLauncher(join(import.meta.dirname, "..")).length === 0) {
    console.error(
      "cmd/launcher/launcher.c is not checked: there is no C compiler (apt install gcc)",
    );
    if (process.env.CI) process.exitCode = 1;
  }
} catch (error) {
  console.error(`cmd/launcher/launcher.c: ${error.message}`);
  process.exitCode = 1;
}
