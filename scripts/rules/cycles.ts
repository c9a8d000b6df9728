/** No module needs itself, not even for a type. */
import { isSource, type Rule, target, type Violation } from "./sources.ts"

export const cycles: Rule = (sources) => {
  const graph = new Map(sources.filter(isSource).map((source) => [source.file, source]))
  const done = new Set<string>()
  const violations: Array<Violation> = []
  const visit = (file: string, path: ReadonlyArray<string>) => {
    const at = path.indexOf(file)
    if (at >= 0) {
      const cycle = [...path.slice(at), file]
      violations.push({ file, line: 1, wrong: `is part of a cycle: ${cycle.join(" -> ")}`, instead: "move what both need into a module of its own" })
      return
    }
    const source = graph.get(file)
    if (source === undefined || done.has(file)) return
    for (const { specifier } of source.imports) {
      const next = target(source, specifier)
      if (next !== undefined) visit(next, [...path, file])
    }
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return violations
}
