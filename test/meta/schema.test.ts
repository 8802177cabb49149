import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Ajv from "ajv";
import { configReference } from "../../conf/schema/reference";
import { ownProperties, pluginSchema, schemaAt } from "../../conf/schema/plugin";
import { delegate, marks, tenants } from "../../conf/schema/parts";
import type { Schema } from "../../conf/schema/shared";

const ROOT = join(__dirname, "../..");
const EXAMPLES = join(ROOT, "conf/examples");
const PAGE = "docs/configuration.md";
const GENERATE = join(ROOT, "scripts/generate.mjs");

function check(root: string): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [GENERATE, "--check", "--root", root], { encoding: "utf8" });
}

/** Every schema of ours with its path, below the plugin object. */
function walk(schema: Schema, path: string): readonly [path: string, schema: Schema][] {
  const inner = {
    ...schema.properties,
    ...(schema.items === undefined ? {} : { "[]": schema.items }),
  };
  const rest =
    typeof schema.additionalProperties === "object" ? { "*": schema.additionalProperties } : {};
  return [
    [path, schema],
    ...Object.entries({ ...inner, ...rest }).flatMap(([key, s]) => walk(s, `${path}/${key}`)),
  ];
}

describe("generated files", () => {
  test("are those of the schema", () => {
    expect(check(ROOT)).toMatchObject({ status: 0, stderr: "" });
  });

  test("say that they are generated", () => {
    for (const file of ["validate.generated.js", "validate.generated.d.ts"]) {
      expect(readFileSync(join(ROOT, "conf", file), "utf8")).toMatch(
        /^\/\/ Generated .* Do not edit/,
      );
    }
  });

  test("the compiled validator runs without any module", () => {
    const code = readFileSync(join(ROOT, "conf/validate.generated.js"), "utf8");
    expect(code).not.toMatch(/\brequire\(/);
    const exported: { validate?: (data: unknown) => boolean } = {};
    new Function("exports", "module", code)(exported, { exports: exported });
    expect(exported.validate?.({ name: "n" })).toBe(true);
    expect(exported.validate?.({ nmae: "n" })).toBe(false);
    // A copy of the schema in it would be evaluated at every start (decision 0123).
    expect(code).not.toMatch(/"type": "object"/);
  });
});

describe("generate --check", () => {
  let dir = "";
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "generate-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test("names missing, changed and outdated files, and what to do", () => {
    expect(check(dir)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("conf/schema.json") as string,
    });
    mkdirSync(join(dir, "docs"));
    writeFileSync(
      join(dir, PAGE),
      "# x\n<!-- config-reference:begin -->\nold\n<!-- config-reference:end -->\ntail\n",
    );
    execFileSync(process.execPath, [GENERATE, "--root", dir]);
    expect(check(dir)).toMatchObject({ status: 0, stderr: "" });
    const page = readFileSync(join(dir, PAGE), "utf8");
    expect(page).toBe(
      `# x\n<!-- config-reference:begin -->\n${configReference()}\n<!-- config-reference:end -->\ntail\n`,
    );

    appendFileSync(join(dir, "conf/validate.generated.js"), "// by hand\n");
    writeFileSync(join(dir, PAGE), page.replace("kubeconfig", "kubeconf"));
    const { status, stderr } = check(dir);
    expect(status).toBe(1);
    expect(stderr).toBe(
      'not up to date: conf/validate.generated.js, docs/configuration.md: run "npm run generate" and commit the result\n',
    );
  });

  test("leaves a page without the markers alone", () => {
    writeFileSync(join(dir, PAGE), "# nothing to fill in\n");
    execFileSync(process.execPath, [GENERATE, "--root", dir]);
    expect(readFileSync(join(dir, PAGE), "utf8")).toBe("# nothing to fill in\n");
    expect(check(dir).status).toBe(0);
  });
});

describe("the schema", () => {
  const all = Object.entries(ownProperties).flatMap(([key, schema]) => walk(schema, `/${key}`));

  test.each(all)("%s tells what it is and what to write", (path, schema) => {
    const named = !path.endsWith("/[]") && !path.endsWith("/*");
    if (named) expect(schema.description).toMatch(/^[A-Z].*\.$/s);
    expect(schema.errorMessage ?? "").not.toBe("");
  });

  test("has a pattern only where it compiles and matches its own default", () => {
    for (const [, { pattern, default: value }] of all) {
      if (pattern !== undefined && typeof value === "string")
        expect(value).toMatch(new RegExp(pattern, "u"));
    }
  });

  test("answers for a pointer through names and indices, not through inherited keys", () => {
    expect(schemaAt(["tenants", "any", "gateways", "3", "via"])?.type).toBe("string");
    expect(schemaAt(["constructor"])).toBeUndefined();
    expect(schemaAt(["kubeconfig", "x"])).toBeUndefined();
  });
});

test("the reference has a row for every key", () => {
  const reference = configReference();
  const tables = [
    ownProperties,
    delegate.properties,
    (tenants.additionalProperties as Schema).properties,
    (marks.additionalProperties as Schema).properties,
  ];
  for (const key of tables.flatMap((t) => Object.keys(t ?? {})))
    expect(reference).toContain(`\n| \`${key}\` | `);
  expect(reference).toContain('| `apiTimeout` | string | `"5s"` | ');
  expect(reference).toContain('| `onError` | `"deny"`, `"allow"` | `"deny"` | ');
  for (const line of reference.split("\n").filter((l) => l.startsWith("|"))) {
    expect(line.replaceAll("\\|", "").match(/\|/g)).toHaveLength(5);
  }
});

describe("the editors' schema", () => {
  const schema = JSON.parse(readFileSync(join(ROOT, "conf/schema.json"), "utf8")) as object;
  const accepts = new Ajv({ strict: false }).compile(schema);
  const list = (plugin: object): object => ({ cniVersion: "1.0.0", name: "n", plugins: [plugin] });

  test.each(readdirSync(EXAMPLES))("accepts %s", (file) => {
    expect(accepts(JSON.parse(readFileSync(join(EXAMPLES, file), "utf8")))).toBe(true);
  });

  test("refuses a wrong key in our object and leaves those of other plugins alone", () => {
    expect(accepts(list({ type: "tenant-routing-wrapper", kubeconf: "/k" }))).toBe(false);
    expect(accepts(list({ type: "portmap", kubeconf: "/k" }))).toBe(true);
  });
});

test("the editors' schema holds the whole plugin object", () => {
  const schema = JSON.parse(readFileSync(join(ROOT, "conf/schema.json"), "utf8")) as {
    definitions: { plugin: unknown };
  };
  expect(schema.definitions.plugin).toEqual(JSON.parse(JSON.stringify(pluginSchema)));
});
