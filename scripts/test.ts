/**
 * `npm test`: types, lint, house rules, examples, and all tests. Every step runs, whatever the one before said.
 *
 *   --checks-only   all but the tests
 *   anything else   goes to vitest: `npm test -- packages/sdk/test/Policy.test.ts`
 */
import { readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkExamples } from "./examples.ts"
import { rules } from "./rules/index.ts"
import { readSources } from "./rules/sources.ts"
import { run } from "./steps.ts"

let passed = 0
let failed = 0

const verdict = (name: string, faults: ReadonlyArray<string>): void => {
  if (faults.length === 0) passed++
  else failed++
  console.log(`${faults.length === 0 ? "ok  " : "FAIL"} ${name}`)
  for (const fault of faults) console.log(`     ${fault}`)
}

const program = async (name: string, command: string, args: ReadonlyArray<string>): Promise<void> => {
  const { ok, output } = await run(command, args)
  verdict(name, ok ? [] : output.trim().split("\n"))
}

const checks = async (): Promise<void> => {
  await program("types", "tsc", ["--noEmit"])
  await program("lint", "oxlint", ["--deny-warnings"])
  const sources = readSources()
  for (const [name, rule] of Object.entries(rules)) {
    verdict(name, rule(sources).map(({ file, instead, line, wrong }) => `${file}:${line} ${wrong}: ${instead}`))
  }
  verdict("examples in README, docs and doc comments", await checkExamples())
}

const tests = async (args: ReadonlyArray<string>): Promise<void> => {
  const report = join(tmpdir(), `outrigger-tests-${process.pid}.json`)
  const { ok } = await run("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args], { show: true })
  try {
    const { numFailedTests, numFailedTestSuites, numPassedTests } = JSON.parse(readFileSync(report, "utf8")) as Record<string, number>
    passed += numPassedTests!
    failed += ok ? 0 : Math.max(1, numFailedTests!, numFailedTestSuites === 0 ? 0 : 1)
  } catch {
    failed++
    console.log("FAIL vitest gave no report")
  } finally {
    rmSync(report, { force: true })
  }
}

const args = process.argv.slice(2)
await checks()
if (!args.includes("--checks-only")) await tests(args)
console.log(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
