/** No wall clock, no chance, no timer in a core: they come in as arguments, or through the port. */
import { lineAt, type Rule, type Violation } from "./sources.ts"

const banned: ReadonlyArray<readonly [pattern: RegExp, instead: string]> = [
  [/\bDate\.now\(/g, "take `now` as an argument, or the port's `epoch()`"],
  [/\bnew Date\(\)/g, "take `now` as an argument, or the port's `epoch()`"],
  [/\bperformance\.now\(/g, "take `now` as an argument, or the port's `now()`"],
  [/\bMath\.random\(/g, "take a random number as an argument, or the port's `random()`"],
  [/\bset(Timeout|Interval|Immediate)\(/g, "use the port's `at`"],
  [/\bcrypto\.random/g, "take it as an argument"],
  [/\bprocess\.(hrtime|env)\b/g, "take it as an argument"]
]

/** The one file where the ports meet the machine. */
const port = "packages/sdk/src/core/time/live.ts"

const isCore = (file: string): boolean =>
  (file.startsWith("packages/sdk/src/core/") && file !== port) || /^(packages\/[^/]+|sidecar)\/src\/.*internal\/(lease|availability|taskTable)\.ts$/.test(file)

export const purity: Rule = (sources) => sources.filter(({ file }) => isCore(file)).flatMap(({ file, text }) =>
  banned.flatMap(([pattern, instead]): ReadonlyArray<Violation> =>
    [...code(text).matchAll(pattern)].map((match) => ({ file, line: lineAt(text, match.index), wrong: `uses ${match[0]}`, instead }))))

/** Comments blanked out, positions kept. */
export const code = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, " "))
