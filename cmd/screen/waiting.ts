/** A sign of life on a terminal for what takes longer than a second. */

const FIRST_MS = 1000;
const EACH_MS = 250;
const SIGNS = "|/-\\";

let isShown = false;

/** Shows `what` on stderr while `body` runs, where stderr is a terminal and nothing else is shown so. */
export async function withSignOfLife<T>(what: string, body: () => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY || isShown) return body();
  isShown = true;
  let turn = 0;
  const started = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - started < FIRST_MS) return;
    process.stderr.write(`\r${SIGNS[turn++ % SIGNS.length] ?? ""} ${what}`);
  }, EACH_MS);
  try {
    return await body();
  } finally {
    clearInterval(timer);
    isShown = false;
    if (turn > 0) process.stderr.write(`\r${" ".repeat(what.length + 2)}\r`);
  }
}
