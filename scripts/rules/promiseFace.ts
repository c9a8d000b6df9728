/** Nothing of Effect can be reached from `@outrigger/sdk/promise` and its test kit, not even as a type. */
import { type Rule, target, type Violation } from "./sources.ts"

const entries = ["packages/sdk/src/promise/index.ts", "packages/sdk/src/testing/index.ts"]

export const promiseFace: Rule = (sources) => {
  const graph = new Map(sources.map((source) => [source.file, source]))
  const seen = new Set<string>()
  const violations: Array<Violation> = []
  const visit = (file: string) => {
    const source = graph.get(file)
    if (source === undefined || seen.has(file)) return
    seen.add(file)
    for (const { line, specifier } of source.imports) {
      if (/^(effect|@effect)(\/|$)/.test(specifier)) {
        violations.push({ file, line, wrong: `brings ${specifier} into the promise face`, instead: "put what both faces need into core/, without Effect" })
      }
      const next = target(source, specifier)
      if (next !== undefined) visit(next)
    }
  }
  entries.forEach(visit)
  return violations
}
