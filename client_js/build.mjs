/**
 * Builds the browser files: one script for each page, one style sheet, the fonts; names carry a
 * hash of the content.
 *
 * `dist/manifest.json` maps plain names to the hashed ones. It is written after everything it names
 * and before anything old is removed, so that a server which reads it at any moment finds the
 * files.
 */
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

/** What the pages promise to stay under, so that a slow phone can open a pad. */
const PAD_SCRIPT_GZIP_BYTES_MAX = 180_000;

/** @type {import("esbuild").BuildOptions & { metafile: true }} */
const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  outdir: "dist",
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  legalComments: "none",
  charset: "utf8",
  // The first versions that have light-dark(), popovers and :has().
  target: ["chrome123", "edge123", "firefox125", "safari17.5"],
  logLevel: "warning",
};

const [pages, first, styles] = await Promise.all([
  esbuild.build({ ...common, entryPoints: ["pad.js", "home.js"], format: "esm" }),
  // Runs before the first paint, hence a classic script that blocks.
  esbuild.build({ ...common, entryPoints: ["theme.js"], format: "iife" }),
  esbuild.build({ ...common, entryPoints: ["style.css"], loader: { ".woff2": "file" } }),
]);

/** @type {Record<string, string>} */
const manifest = {};
for (const { metafile } of [pages, first, styles]) {
  for (const [path, output] of Object.entries(metafile.outputs)) {
    const source = output.entryPoint ?? Object.keys(output.inputs)[0];
    if (source) manifest[basename(source)] = basename(path);
  }
}

await writeFile(join(dist, "licenses.txt"), await licenses([pages, styles]));
manifest["licenses.txt"] = "licenses.txt";
await writeFile(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");

const current = new Set([...Object.values(manifest), "manifest.json"]);
for (const name of await readdir(dist)) {
  if (!current.has(name)) await rm(join(dist, name));
}

for (const name of ["pad.js", "home.js", "theme.js", "style.css"]) {
  const content = await readFile(join(dist, manifest[name]));
  const bytes = gzipSync(content, { level: 9 }).length;
  console.log(
    `${name.padEnd(10)} ${(bytes / 1000).toFixed(1).padStart(6)} kB gzip   ${manifest[name]}`,
  );
  if (name === "pad.js" && bytes > PAD_SCRIPT_GZIP_BYTES_MAX) {
    throw new Error(`pad.js is ${bytes} bytes gzip, the limit is ${PAD_SCRIPT_GZIP_BYTES_MAX}`);
  }
}

/**
 * The licence texts of every package that went into the bundle, which their licences ask to be
 * passed on.
 * @param {import("esbuild").BuildResult<{ metafile: true }>[]} results
 */
async function licenses(results) {
  const folders = new Set();
  for (const { metafile } of results) {
    for (const path of Object.keys(metafile.inputs)) {
      const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path);
      if (match) folders.add(match[1]);
    }
  }
  let text = "";
  for (const folder of [...folders].sort()) {
    const license = await readFile(join(here, folder, "LICENSE"), "utf8");
    const name = folder.replace(/^.*node_modules\//, "");
    text += `${name}\n\n${license.trim()}\n\n${"-".repeat(72)}\n\n`;
  }
  return text;
}
