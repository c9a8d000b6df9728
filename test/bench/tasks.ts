/** `npm run bench:tasks`: what a task costs from its enqueue to its end, beside the peers; see docs/benchmarks.md. */
import { machine, versions } from "./harness/machine.ts"
import { readOptions } from "./harness/options.ts"
import { writeJson, writeSection } from "./harness/output.ts"
import type { Measured } from "./harness/run.ts"
import { markdown, type Part, tables } from "./harness/tables.ts"
import { baseline, judge, shareOf, shares } from "./tasks/bounds.ts"
import { measurements } from "./tasks/cases.ts"
import { runMeasurement } from "./tasks/rounds.ts"
import { startServer } from "./tasks/server.ts"
import { subjects, type SubjectName } from "./tasks/subjects.ts"

const parts: ReadonlyArray<Part> = [
  { unit: "tasks/s", title: "tasks a second" },
  { unit: "ms", title: "milliseconds", digits: 2 },
  { unit: "MB", title: "MB", digits: 1 },
  { unit: "bytes", title: "bytes of write-ahead log a task" }
]

const shareTable = (results: ReadonlyArray<Measured>): string | undefined => {
  const names = Object.keys(subjects) as ReadonlyArray<SubjectName>
  const columns = names.filter((subject) => shares.some((name) => shareOf(results, name, subject) !== undefined))
  if (columns.length === 0) return undefined
  const shown = (name: string, subject: SubjectName) => {
    const share = shareOf(results, name, subject)
    return share === undefined ? "" : `${(share * 100).toFixed(0)} %`
  }
  return `### Tasks: share of the rate of ${baseline}\n\n${markdown(["case", ...columns], shares.map((name) => [name, ...columns.map((subject) => shown(name, subject))]))}`
}

const options = readOptions(process.argv.slice(2), { full: 5, quick: 1 })
const server = await startServer()
const results: Array<Measured> = []
const faults: Array<string> = []
try {
  for (const measurement of measurements) {
    const outcome = await runMeasurement(server, measurement, options)
    results.push(...outcome.results)
    faults.push(...outcome.faults)
  }
} finally {
  await server.stop()
}

const measuredOf = options.conditions.length === 0 ? "the built packages" : "the sources"
const verdicts = judge(results)
const sections = [
  `${machine}, PostgreSQL ${server.version} with fsync on; ${measuredOf}; ${versions("graphile-worker", "pg-boss", "effect")}. Medians, ${options.rounds} rounds; (2.0x) is twice ours; ~ marks rounds that lie far apart.`,
  measurements.flatMap(({ cases }) => cases).filter(({ name }) => results.some((result) => result.case === name)).map(({ name, says }) => `- \`${name}\`: ${says}`).join("\n"),
  tables({ title: "Tasks", own: "outrigger", subjects }, results, parts),
  shareTable(results),
  `### Tasks: what ours is held to\n\n${markdown(["case", "asked", "measured", ""], verdicts.map(({ asked, case: name, measured, verdict }) => [name, asked, measured, verdict]))}`
].filter((section) => section !== undefined)
console.log(sections.join("\n\n"))

if (options.json !== undefined) writeJson(options.json, results)
if (options.write) writeSection("tasks", sections.join("\n\n"))
for (const fault of faults) console.error(fault)
if (faults.length > 0 || verdicts.some(({ verdict }) => verdict === "not met")) process.exitCode = 1
