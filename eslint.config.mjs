// Lint rules are the house rules made checkable. Who imports whom: scripts/house.
import tseslint from "typescript-eslint";

/** Of the scripts, too. */
const BUDGETS = {
  complexity: ["error", 10],
  "max-depth": ["error", 3],
  "max-params": ["error", 4],
  "max-lines": ["error", 300],
  "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
  eqeqeq: "error",
};

export default tseslint.config(
  { ignores: ["dist/**", "coverage/**", "node_modules/**", "**/*.generated.*"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports", disallowTypeAnnotations: false },
      ],
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "named exports only" },
        { selector: "TSEnumDeclaration", message: "use a union of literals" },
      ],
      ...BUDGETS,
    },
  },
  { files: ["**/*.mjs", "**/*.cjs"], rules: BUDGETS },
  {
    files: ["test/**/*.ts"],
    rules: {
      "max-lines-per-function": "off",
      "@typescript-eslint/explicit-module-boundary-types": "off",
    },
  },
);
