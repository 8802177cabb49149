/** A real Chromium, one for a test file, and what it has asked for and complained of. */
import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

/** Where packages put it. scripts/run-tests.mjs looks there, too. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const PLACE = PLACES.find((path) => existsSync(path));

/** A test that needs a browser; under CI a skipped one is a failure. */
export const browserTest = PLACE === undefined ? test.skip : test;

export interface Visit {
  readonly page: Page;
  /** URLs of everything that it has asked for. */
  readonly asked: readonly string[];
  /** Errors and warnings on its console, and what its script threw. */
  readonly complaints: readonly string[];
}

/** Opens pages; each ends with its test, the browser with the file. */
export function useBrowser(): (url: string, how?: BrowserContextOptions) => Promise<Visit> {
  let browser: Browser | undefined;
  const visits: Page[] = [];
  afterEach(async () => {
    await Promise.all(visits.splice(0).map((page) => page.context().close()));
  });
  afterAll(async () => {
    await browser?.close();
  });
  return async (url, how = {}) => {
    // Tests run as root, for whom Chromium has no sandbox.
    browser ??= await chromium.launch({
      executablePath: PLACE ?? "",
      chromiumSandbox: false,
      args: ["--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"],
    });
    const context = await browser.newContext(how);
    context.setDefaultTimeout(120_000);
    const page = await context.newPage();
    visits.push(page);
    const [asked, complaints]: [string[], string[]] = [[], []];
    context.on("request", (request) => asked.push(request.url()));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    return { page, asked, complaints };
  };
}
