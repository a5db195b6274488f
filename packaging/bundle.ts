import { build, type Metafile } from "esbuild";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Loaded by libraries when they are installed, which they are not here; or brought as machine code. */
const externalPackages = [
  "@aws-sdk/credential-providers",
  "@mongodb-js/zstd",
  "aws4",
  "class-validator",
  "gcp-metadata",
  "kerberos",
  "mongodb-client-encryption",
  "msgpackr-extract",
  "snappy",
  "socks",
];

/** CommonJS code in a bundle of ES modules asks for Node.js's own modules by `require`. */
const requireBanner =
  'import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);';

/**
 * Puts the compiled `vital-gateway` command and the libraries that it uses into a few files, in the place of the
 * compiled `src/cli.js`: a process that opens ten files starts twice as fast as one that opens two thousand.
 * Each command stays a file that is loaded when it is asked for.
 *
 * @param folder the compiled sources; packages are resolved from there
 */
export async function bundleCli(folder: string): Promise<void> {
  const chunks = join(folder, "src/chunks");
  await rm(chunks, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: resolve(folder),
    entryPoints: ["src/cli.js"],
    outbase: ".",
    outdir: ".",
    chunkNames: "src/chunks/[name]-[hash]",
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    external: externalPackages,
    banner: { js: requireBanner },
    // Names stay: they are what a stack trace in a log is read by.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  await writeFile(join(folder, "THIRD-PARTY-LICENSES.txt"), await collectLicences(folder, metafile));
}

/** Folders of the packages that the bundle holds. */
function listPackages(folder: string, { inputs }: Metafile): string[] {
  const packages = Object.keys(inputs).flatMap((input) => {
    const path = resolve(folder, input);
    const [found] = /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\.][^/\\]*/.exec(path) ?? [];
    return found !== undefined && existsSync(join(found, "package.json")) ? [found] : [];
  });
  return [...new Set(packages)].sort();
}

/** Who copies code has to copy its licence. */
async function collectLicences(folder: string, metafile: Metafile): Promise<string> {
  const sections = listPackages(folder, metafile).map(async (path) => {
    const { name, version, license } = JSON.parse(await readFile(join(path, "package.json"), "utf8")) as {
      name: string;
      version: string;
      license?: string;
    };
    const files = (await readdir(path)).filter((file) => /^(?:licen[cs]e|copying|notice)/i.test(file)).sort();
    const texts = await Promise.all(files.map((file) => readFile(join(path, file), "utf8")));
    return [`${name} ${version} (${license ?? "see below"})`, ...texts.map((text) => text.trim())].join(
      "\n\n",
    );
  });
  return `${(await Promise.all(sections)).join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

const [, script, folder = "dist"] = process.argv;
if (script !== undefined && import.meta.url === pathToFileURL(script).href) await bundleCli(folder);
