import { fileURLToPath } from "node:url";

/** Returns the absolute path of a file or folder of this repository. */
export const toAbsolutePath = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Returns the arguments with which `node` runs a program of this repository from its TypeScript, without a build. */
const fromSource = (path: string, ...args: string[]): readonly string[] => [
  ...["--import", import.meta.resolve("tsx"), toAbsolutePath(path)],
  ...args,
];

/** The processes of `npm run demo` and `npm run dev`, and the message that each logs once it has started. */
export const programs = {
  simulator: { args: fromSource("simulator/main.ts"), startedMessage: "simulator listening" },
  gateway: { args: fromSource("src/cli.ts", "gateway"), startedMessage: "gateway listening" },
  worker: { args: fromSource("src/cli.ts", "worker"), startedMessage: "worker started" },
  identity: {
    args: fromSource("dev/identity-provider/process.ts"),
    startedMessage: "identity provider listening",
  },
} as const;

export type ProgramName = keyof typeof programs;
