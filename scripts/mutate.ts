/**
 * `npm run mutate`: breaks the pure cores in every small way there is, and sees whether their tests notice. Who survives shows
 * a sentence that no test says. Fails when fewer than 95 % die.
 *
 *   npm run mutate                       all cores
 *   npm run mutate -- retry budget       these
 *   npm run mutate -- --json             the same as data
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { cores } from "./mutate/cores.ts"
import { equivalents } from "./mutate/equivalents.ts"
import { kill } from "./mutate/kill.ts"
import { leastScore, render, scoreOf } from "./mutate/score.ts"
import { root } from "./rules/sources.ts"

const fileOf = (name: string): string => name.startsWith("packages/") ? name : `packages/sdk/src/core/${name.replace(/\.ts$/, "")}.ts`

const args = process.argv.slice(2)
const names = args.filter((arg) => !arg.startsWith("--"))
const files = (names.length === 0 ? cores : names).map(fileOf)
const missing = files.filter((file) => !existsSync(join(root, file)))
if (missing.length > 0) {
  console.error(`There is no ${missing.join(", no ")}`)
  process.exit(1)
}

const began = performance.now()
const score = scoreOf(files, await kill(files), equivalents)
const seconds = Math.round((performance.now() - began) / 1000)
console.log(args.includes("--json") ? JSON.stringify({ ...score, seconds }) : `${render(score)}\n${seconds} s`)
process.exitCode = score.percent >= leastScore && score.stale.length === 0 ? 0 : 1
