import type { Config } from "jest";

const common = {
  testEnvironment: "node",
  transform: {
    "^.+\\.ts$": ["ts-jest", { diagnostics: false }],
    // Published as ES modules only, which jest's CommonJS does not load.
    "/node_modules/commander/.+\\.js$": [
      "ts-jest",
      { diagnostics: false, tsconfig: { allowJs: true } },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!commander/)"],
  modulePathIgnorePatterns: ["<rootDir>/dist"],
} satisfies Config;

const project = (name: string) => ({
  ...common,
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
});

const config: Config = {
  // For what hangs. No test depends on how fast a machine is.
  testTimeout: 900_000,
  testSequencer: "<rootDir>/scripts/jest-sequencer.mjs",
  projects: [
    project("unit"),
    project("meta"),
    project("contract"),
    project("node"),
    project("load"),
  ],
  collectCoverageFrom: [
    "lib/**/*.ts",
    "delegates/**/*.ts",
    "conf/**/*.ts",
    "cmd/**/*.ts",
    "!**/*.d.ts",
    // Driven as the packed binary by the contract and node tests instead; so is cmd/, below.
    "!lib/lab/**",
    "!lib/selftest/**",
    // Driven in a browser, by test/node/page.test.ts.
    "!lib/agent/page/browser/**",
  ],
  coverageReporters: ["text", "json-summary"],
  // Lines, in per cent.
  coverageThreshold: {
    global: {},
    "./lib/": { lines: 95 },
    "./delegates/": { lines: 95 },
    "./conf/": { lines: 95 },
  },
};

// CommonJS on purpose: Node strips the types of this file but does not convert modules.
module.exports = config;
