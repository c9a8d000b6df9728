/**
 * Builds every package into `dist/`, in the order in which they need each other. The promise face and its test kit are built for
 * CommonJS too: one file each, so that `require` reads one, with the types of the ES modules.
 */
import { chmodSync, cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { build, type Plugin, transform } from "esbuild"
import { publishDeclarations } from "./declarations.ts"
import { root } from "./rules/sources.ts"
import { run } from "./steps.ts"

const packages = ["packages/sdk", "packages/postgres", "packages/executor", "sidecar"]

const tsc = async (project: string): Promise<void> => {
  const { ok, output } = await run("tsc", ["-p", project])
  if (!ok) throw new Error(`${project} does not build:\n${output}`)
}

/** Lines stay short, for stack traces. */
const small = { minifyWhitespace: true, lineLimit: 140 } as const

/** No production runs these, the test kit and what plays a policy: nobody reads their names in its stack traces. */
const besideProduction = /^(testing|core\/testing|core\/simulate)\//

/** What there must be once only, so that an error of the kit is an `instanceof` the host's class: the promise face's own. */
const ofPromiseFace: Plugin = {
  name: "of the promise face",
  setup: ({ onResolve }) => onResolve({ filter: /\/(taskErrors|createOutrigger)\.js$/ }, () => ({ path: "./promise.cjs", external: true }))
}

const commonJs = async (dist: string, name: string, plugins: Array<Plugin>): Promise<void> => {
  await build({
    entryPoints: [join(dist, name, "index.js")],
    outfile: join(dist, `${name}.cjs`),
    bundle: true, format: "cjs", platform: "node", target: "node20", plugins, minifySyntax: true, minifyIdentifiers: name === "testing", ...small
  })
  writeFileSync(join(dist, `${name}.d.cts`), `export * from "./${name}/index.js"\n`)
}

/** What code says of itself is read in the sources; what its users want to know stands in the declarations. */
const withoutComments = async (dist: string): Promise<void> => {
  for (const file of globSync("**/*.js", { cwd: dist })) {
    const path = join(dist, file)
    const { code } = await transform(readFileSync(path, "utf8"), { loader: "js", format: "esm", target: "node20", legalComments: "none", minifyIdentifiers: besideProduction.test(file), ...small })
    writeFileSync(path, code)
  }
}

for (const folder of packages) {
  const dist = join(root, folder, "dist")
  rmSync(dist, { recursive: true, force: true })
  await tsc(join(folder, "tsconfig.build.json"))
  await withoutComments(dist)
  if (existsSync(join(dist, "promise"))) {
    await commonJs(dist, "promise", [])
    await commonJs(dist, "testing", [ofPromiseFace])
  }
  publishDeclarations(join(root, folder))
  const bin = join(dist, "bin.js")
  if (existsSync(bin)) chmodSync(bin, 0o755)
  cpSync(join(root, "LICENSE"), join(root, folder, "LICENSE"))
  console.log(`built ${folder}`)
}
