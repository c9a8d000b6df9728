/**
 * Declarations as they are published: those that an entry leads to, with what their users want to know. A file's own essay belongs to
 * its source; four spaces are a tab.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

const imported = /(?:from|import\()\s*["'](\.[^"']*)\.js["']/g
/** The rewriting of extensions leaves declarations alone where a type is imported from a `.ts` file. */
const unwritten = /((?:from|import\()\s*["']\.[^"']*)\.ts(["'])/g
/** A comment that speaks of the file, for no declaration follows it. */
const essay = /^\s*\/\*\*(?:(?!\*\/)[^])*\*\/\n(?=import |export \* |export \{|\/\*\*)/
const ofPrivate = /[ \t]*\/\*\*(?:(?!\*\/)[^])*\*\/\n(?=\s*private )/g

const tidy = (text: string): string => text
  .replaceAll(unwritten, "$1.js$2")
  .replace(essay, "")
  .replaceAll(ofPrivate, "")
  .replaceAll(/^(?: {4})+/gm, (indent) => "\t".repeat(indent.length / 4))

/** What is published, by the entries of a package's `exports`. */
const entriesOf = (exports: unknown): ReadonlyArray<string> =>
  typeof exports === "string"
    ? exports.endsWith(".d.ts") ? [normalize(exports.replace("./dist/", ""))] : []
    : typeof exports === "object" && exports !== null ? Object.values(exports).flatMap(entriesOf) : []

/** Tidies the declarations of a package, and removes those that nobody can come to. */
export const publishDeclarations = (folder: string): void => {
  const dist = join(folder, "dist")
  for (const file of globSync("**/*.d.ts", { cwd: dist })) {
    const path = join(dist, file)
    writeFileSync(path, tidy(readFileSync(path, "utf8")))
  }
  const reached = new Set<string>()
  const open = [...entriesOf((JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly exports: unknown }).exports)]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file)) continue
    reached.add(file)
    for (const [, target] of readFileSync(join(dist, file), "utf8").matchAll(imported)) open.push(normalize(join(dirname(file), `${target}.d.ts`)))
  }
  if (reached.size === 0) return // nothing is imported from it
  for (const file of globSync("**/*.d.ts", { cwd: dist })) if (!reached.has(file)) rmSync(join(dist, file))
}
