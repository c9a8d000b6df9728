/** A file is about one thing, and a function fits on a screen. */
import { isSource, lineAt, type Rule, type Source, type Violation } from "./sources.ts"
import { parseSync } from "oxc-parser"

const longestFile = 400
const longestFunction = 70

interface Node {
  readonly type?: string
  readonly start?: number
  readonly end?: number
}

const functions = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"])

const longFunctions = ({ file, text }: Source): ReadonlyArray<Violation> => {
  const found: Array<Violation> = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit)
    if (typeof node !== "object" || node === null) return
    const { end, start, type } = node as Node
    if (type !== undefined && functions.has(type)) {
      const lines = lineAt(text, end!) - lineAt(text, start!) + 1
      if (lines > longestFunction) found.push({ file, line: lineAt(text, start!), wrong: `has a function of ${lines} lines`, instead: `name its steps: at most ${longestFunction}` })
    }
    Object.values(node).forEach(visit)
  }
  visit(parseSync(file, text).program)
  return found
}

export const size: Rule = (sources) => sources.filter(isSource).flatMap((source) => {
  const lines = source.text.split("\n").length
  const long = lines > longestFile
    ? [{ file: source.file, line: longestFile, wrong: `has ${lines} lines`, instead: `ask what else it is about: at most ${longestFile}` }]
    : []
  return [...long, ...longFunctions(source)]
})
