/** `npm run bench:policy`: what a call through a policy costs, beside the peers; see docs/benchmarks.md. */
import { machine, versions } from "./harness/machine.ts"
import { readOptions } from "./harness/options.ts"
import { writeJson, writeSection } from "./harness/output.ts"
import { type Measured, runGroup } from "./harness/run.ts"
import { markdown, tables } from "./harness/tables.ts"
import { bundles, limit } from "./policy/bundle.ts"
import { groups } from "./policy/groups.ts"

const options = readOptions(process.argv.slice(2))
const measuredOf = options.conditions.length === 0 ? "the built packages" : "the sources"
const sections = [
  `${machine}; ${measuredOf}; ${versions("cockatiel", "opossum", "p-retry", "effect")}. Medians of ${options.rounds} rounds; (2.0x) is twice ours; ~ marks rounds that lie far apart.`
]
console.log(sections[0])

const [promises] = groups
sections.push(promises!.cases.map(({ name, says }) => `- \`${name}\`: ${says}`).join("\n"))

const results: Array<Measured> = []
for (const group of groups) {
  const found = await runGroup(group, options)
  if (found.length === 0) continue
  results.push(...found)
  sections.push(tables(group, found))
  console.log(`\n${sections.at(-1)}`)
}

if (options.wants("bundle")) {
  const sizes = await bundles(options.conditions)
  const rows = sizes.map(({ bytes, subject }) => [subject, (bytes / 1000).toFixed(1), subject === "outrigger" ? (limit / 1000).toFixed(1) : ""])
  sections.push(`### Bundle: kB, minified and compressed\n\n${markdown(["library", "kB", "to reach"], rows)}`)
  console.log(`\n${sections.at(-1)}`)
  results.push(...sizes.map(({ bytes, subject }) => ({ case: "bundle", subject, median: bytes, unit: "bytes" as const, rounds: 1, spread: 0 })))
  const own = sizes.find(({ subject }) => subject === "outrigger")!.bytes
  if (own > limit) {
    console.error(`the bundle has ${own} bytes: more than ${limit}`)
    process.exitCode = 1
  }
}

if (options.json !== undefined) writeJson(options.json, results)
if (options.write) writeSection("policy", sections.join("\n\n"))
