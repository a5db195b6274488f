import { build, type Metafile } from "esbuild";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Not bundled: optional packages that are not installed here, and packages with native code. */
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

/** CommonJS code in a bundle of ES modules loads the modules of Node.js with `require`. */
const requireBanner =
  'import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);';

/**
 * Bundles the compiled `vital-gateway` command and its libraries into a few files, which replace the compiled
 * `src/cli.js`. A process that opens ten files starts twice as fast as one that opens two thousand. Each command remains
 * a separate file, which is loaded when the command is run.
 *
 * @param folder the compiled sources. Packages are resolved from there.
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
    // Names are kept, so that stack traces in logs are readable.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  await writeFile(join(folder, "THIRD-PARTY-LICENSES.txt"), await collectLicenses(folder, metafile));
}

/** Lists the folders of the bundled packages. */
function listPackages(folder: string, { inputs }: Metafile): string[] {
  const packages = Object.keys(inputs).flatMap((input) => {
    const path = resolve(folder, input);
    const [found] = /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\.][^/\\]*/.exec(path) ?? [];
    return found !== undefined && existsSync(join(found, "package.json")) ? [found] : [];
  });
  return [...new Set(packages)].sort();
}

/** Collects the licenses of the bundled packages, which must be distributed with their code. */
async function collectLicenses(folder: string, metafile: Metafile): Promise<string> {
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
