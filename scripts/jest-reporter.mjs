/**
 * jest's reporter for `npm test`: one line for each test file as it finishes, in full what failed, and
 * a sign of life in between. jest's own summary comes after it.
 */
import { relative } from "node:path";

/** How long nothing may be said (ms). */
const SILENCE_MS = 30_000;

export default class CompactReporter {
  #root;
  #started = Date.now();
  #said = Date.now();
  #finished = 0;
  #total = 0;
  /** Tests that have ended, by the file that runs. */
  #running = new Map();
  #timer;

  constructor(globalConfig) {
    this.#root = globalConfig.rootDir;
  }

  onRunStart({ numTotalTestSuites }) {
    this.#total = numTotalTestSuites;
    this.#say(`${numTotalTestSuites} test file${numTotalTestSuites === 1 ? "" : "s"}\n`);
    // A file that blocks this process says so after its next test (onTestCaseResult).
    this.#timer = setInterval(() => this.#tellWhere(), 1000).unref();
  }

  onTestFileStart({ path }) {
    this.#running.set(path, 0);
  }

  onTestCaseResult({ path }) {
    this.#running.set(path, (this.#running.get(path) ?? 0) + 1);
    this.#tellWhere();
  }

  onTestFileResult({ path, context }, result) {
    this.#running.delete(path);
    const failed = result.numFailingTests > 0 || result.testExecError !== undefined;
    const counts = [
      [result.numPassingTests, "passed"],
      [result.numFailingTests, "failed"],
      [result.numPendingTests + result.numTodoTests, "skipped"],
    ];
    const told = counts
      .filter(([count], index) => count > 0 || index === 0)
      .map(([count, word]) => `${count} ${word}`)
      .join(", ");
    const project = context.config.displayName?.name ?? "";
    const seconds = ((result.perfStats.end - result.perfStats.start) / 1000).toFixed(1);
    this.#say(
      `${failed ? "FAIL" : "ok  "} ${project.padEnd(8)} ${this.#name(path)}: ${told}, ${seconds} s (${++this.#finished} of ${this.#total})\n`,
    );
    for (const { message, origin } of result.console ?? []) this.#say(`${message}\n${origin}\n`);
    if (failed && result.failureMessage) this.#say(`${result.failureMessage}\n`);
  }

  onRunComplete() {
    clearInterval(this.#timer);
  }

  getLastError() {}

  #tellWhere() {
    if (Date.now() - this.#said < SILENCE_MS) return;
    const where = [...this.#running]
      .map(([path, ended]) => `${this.#name(path)} (${ended} tests so far)`)
      .join(", ");
    const seconds = Math.round((Date.now() - this.#started) / 1000);
    this.#say(`...  ${seconds} s: ${where}\n`);
  }

  #name(path) {
    return relative(this.#root, path);
  }

  #say(text) {
    this.#said = Date.now();
    process.stderr.write(text);
  }
}
