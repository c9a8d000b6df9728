/** Where results go: a file for machines, a section of the docs for people. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./machine.ts"
import type { Result } from "./suite.ts"

export const writeJson = (path: string, results: ReadonlyArray<Result>): void => {
  const plain = results.map(({ case: name, median, rounds, subject, unit }) => ({ case: name, subject, median, unit, rounds }))
  writeFileSync(path, `${JSON.stringify(plain, null, 2)}\n`)
}

/** Replaces what stands between the markers of this name in `docs/benchmarks.md`. */
export const writeSection = (name: string, text: string): void => {
  const path = join(root, "docs", "benchmarks.md")
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`]
  const page = readFileSync(path, "utf8")
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no section between ${begin} and ${end}`)
  writeFileSync(path, `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`)
}
