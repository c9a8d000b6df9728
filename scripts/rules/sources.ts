/** The sources that rules look at, and what each of them imports. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { parseSync } from "oxc-parser"

export const root = resolve(import.meta.dirname, "../..")

/** One broken rule: where, what is wrong, and what to write instead. */
export interface Violation {
  readonly file: string
  readonly line: number
  readonly wrong: string
  readonly instead: string
}

export interface Import {
  readonly specifier: string
  readonly line: number
}

export interface Source {
  /** From the root, with slashes. */
  readonly file: string
  readonly text: string
  readonly imports: ReadonlyArray<Import>
}

/** Looks at all sources at once. */
export type Rule = (sources: ReadonlyArray<Source>) => ReadonlyArray<Violation>

const skipped = new Set(["node_modules", "dist", ".outrigger", ".git", "coverage"])

const walk = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    skipped.has(entry.name) ? [] : entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)])

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

/** All specifiers of a module: static, re-exported, dynamic and type-only. */
const importsOf = (file: string, text: string): ReadonlyArray<Import> => {
  const { module } = parseSync(file, text)
  const requests = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest ?? []))
  ]
  const known = requests.map(({ start, value }) => ({ specifier: value, line: lineAt(text, start) }))
  const dynamic = module.dynamicImports.flatMap(({ moduleRequest: { end, start } }) => {
    const literal = /^["'](.*)["']$/.exec(text.slice(start, end))
    return literal === null ? [] : [{ specifier: literal[1]!, line: lineAt(text, start) }]
  })
  return [...known, ...dynamic]
}

export const sourceOf = (file: string, text: string): Source => ({ file, text, imports: importsOf(file, text) })

export const readSources = (): ReadonlyArray<Source> =>
  ["packages", "sidecar", "examples", "test", "scripts"]
    .flatMap((folder) => walk(join(root, folder)))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => sourceOf(relative(root, file).replaceAll("\\", "/"), readFileSync(file, "utf8")))

/** The file that a relative import means. */
export const target = ({ file }: Source, specifier: string): string | undefined =>
  specifier.startsWith(".") ? join(dirname(file), specifier).replaceAll("\\", "/") : undefined

export const isSource = ({ file }: Source): boolean => /^(packages\/[^/]+|sidecar)\/src\//.test(file)
