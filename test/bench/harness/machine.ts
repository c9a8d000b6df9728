/** Where and of what the figures are. */
import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join, resolve } from "node:path"

export const root = resolve(import.meta.dirname, "../../..")

export const machine = `${availableParallelism()} cores, Node ${process.versions.node}`

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { readonly version: string }).version

/** `cockatiel 4.0.0, opossum 10.0.0`. */
export const versions = (...names: ReadonlyArray<string>): string => names.map((name) => `${name} ${versionOf(name)}`).join(", ")
