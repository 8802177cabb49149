/**
 * The order of the test files, which are run beside each other: those of the projects whose files take
 * longest come first, so that at the end no processor waits for the last one; in a project the larger ones.
 */
import { statSync } from "node:fs";

const PROJECTS = ["node", "contract", "meta", "unit"];

export default class LongestFirst {
  sort(tests) {
    const place = ({ context }) => PROJECTS.indexOf(context.config.displayName?.name);
    const sized = [...tests].map((test) => ({ test, size: statSync(test.path).size }));
    return sized
      .sort((a, b) => place(a.test) - place(b.test) || b.size - a.size)
      .map(({ test }) => test);
  }

  cacheResults() {}
}
