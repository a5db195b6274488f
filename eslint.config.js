import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "coverage", "node_modules"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/consistent-type-definitions": ["error", "type"],
      "@typescript-eslint/consistent-type-imports": "error",
      // Numbers may be used in messages without a conversion.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // GraphQL types are classes that hold data only.
      "@typescript-eslint/no-extraneous-class": ["error", { allowWithDecorator: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Services are closures: no function depends on `this`.
      "@typescript-eslint/unbound-method": "off",
      // Mongoose accepts plain objects where its types demand instances.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Read settings only in src/config/config.ts." },
      ],
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  {
    files: ["src/config/config.ts", "dev/**", "test/**", "bench/**", "simulator/main.ts", "*.config.ts"],
    rules: { "no-restricted-properties": "off", "no-console": "off" },
  },
  {
    files: ["src/**", "schema/**", "workers/**"],
    rules: {
      // A longer function hides which of its parts depend on each other. Past 50 lines it should be a factory of closures.
      "max-lines-per-function": ["error", { max: 119 }],
    },
  },
  {
    files: ["**/*.js", "**/*.cjs"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { module: "writable", require: "readonly" } },
  },
  prettier,
);
