// Stand-ins for the parts of a package that we never reach.

/**
 * esbuild plugin: what files matching `importers` import and `stubs` has (path as written -> source) is
 * replaced. Fails the build when they no longer import what a stub stands for. The table is in
 * scripts/build/NAME-stubs.mjs.
 */
export function stubPlugin(name, importers, stubs) {
  return {
    name: `${name}-stubs`,
    setup(build) {
      const used = new Set();
      let seen = false;
      build.onResolve({ filter: /.*/ }, (args) => {
        if (!importers.test(args.importer)) return undefined;
        seen = true;
        if (!Object.hasOwn(stubs, args.path)) return undefined;
        used.add(args.path);
        return { path: args.path, namespace: `${name}-stub` };
      });
      build.onLoad({ filter: /.*/, namespace: `${name}-stub` }, (args) => ({
        contents: stubs[args.path],
        loader: "js",
      }));
      build.onEnd(() => {
        const stale = Object.keys(stubs).filter((path) => !used.has(path));
        if (!seen || stale.length === 0) return undefined;
        return {
          errors: [
            {
              text: `${name} no longer imports ${stale.join(", ")}: revise scripts/build/${name}-stubs.mjs`,
            },
          ],
        };
      });
    },
  };
}
