import type { Exec } from "../ports";
import type { Host } from "./host";

/**
 * Programs that die with us, even when we are killed (prctl(2) PR_SET_PDEATHSIG): for changes that nobody would
 * recognise as ours afterwards. Where the node has no setpriv, they go on to their end.
 */
export function createTiedExec(exec: Exec, host: Host): Exec {
  return {
    run: (request) => {
      const setpriv = host.find("setpriv");
      if (setpriv === undefined) return exec.run(request);
      const args = ["--pdeathsig", "KILL", request.path, ...request.args];
      return exec.run({ ...request, path: setpriv, args });
    },
  };
}
