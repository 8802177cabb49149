// Scripts and their caches -> one executable (a Node.js single executable application).
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/**
 * How the binary's Node runs. The environment is the container runtime's, not ours: its
 * NODE_OPTIONS must not load code into a root process, and a stray SIGUSR1 must not open a debugger:
 * its address is one that cannot be listened on (decision 0026). (--disable-sigusr1 blocks the
 * signal for good, and `routes watch` answers to it.)
 * One thread helps V8 instead of four, which have to be started for every verb (decision 0083).
 * V8 flags do not belong here: most make V8 reject the compiled code, its own library's included.
 */
const RUNTIME = {
  execArgvExtension: "none",
  execArgv: ["--inspect-port=0.0.0.1:1024", "--v8-pool-size=1"],
};

/**
 * Packs with pkg in SEA mode. The command line of pkg cannot be told which Node binary to use and
 * would download one, so its module is called.
 * `assets` is name -> path; `output` an absolute path.
 */
export async function pack({ main, assets, nodePath, output, arch }) {
  const { default: sea } = require("@yao-pkg/pkg/lib-es5/sea.js");
  const target = { nodeRange: "node24", platform: "linux", arch, output };
  await quietly(() =>
    sea(main, {
      targets: [target],
      nodePath,
      seaConfig: { useCodeCache: true, assets, ...RUNTIME },
      signature: false,
    }),
  );
}

/** pkg reports every step on stdout. */
async function quietly(body) {
  const { log } = console;
  console.log = () => {};
  try {
    return await body();
  } finally {
    console.log = log;
  }
}
