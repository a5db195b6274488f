import { fileURLToPath } from "node:url";

/** A path of this repository, made absolute. */
export const toAbsolutePath = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** A program of this repository, as arguments of `node`: run from its TypeScript, without a build. */
const fromSource = (path: string, ...args: string[]): readonly string[] => [
  ...["--import", import.meta.resolve("tsx"), toAbsolutePath(path)],
  ...args,
];

/** The processes of a demo or a development session, and the phrase by which each says that it is up. */
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
