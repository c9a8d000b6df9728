/** Nothing is left for later, and no test is left out. */
import { code } from "./purity.ts"
import { lineAt, type Rule, type Violation } from "./sources.ts"

const banned: ReadonlyArray<readonly [pattern: RegExp, instead: string, inCode: boolean]> = [
  [/\b(it|test|describe)(\.\w+)*\.(only|skip|todo)\b/g, "run it, or delete it", true],
  [/@ts-ignore\b/g, "use @ts-expect-error with a reason, in a type test", false],
  [/\b(TODO|FIXME|XXX)\b/g, "do it, or say in the docs that it is not there", false]
]

export const finished: Rule = (sources) => sources.filter(({ file }) => !file.startsWith("scripts/")).flatMap(({ file, text }) =>
  banned.flatMap(([pattern, instead, inCode]): ReadonlyArray<Violation> =>
    [...(inCode ? code(text) : text).matchAll(pattern)].map((match) => ({ file, line: lineAt(text, match.index), wrong: `has ${match[0]}`, instead }))))
