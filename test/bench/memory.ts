/**
 * `npm run bench:memory`: two million calls of each policy and each ending, and the heap after every part of them. The second
 * half of the samples must be flat, or it fails.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { machine } from "./harness/machine.ts"
import { readOptions } from "./harness/options.ts"
import { writeJson, writeSection } from "./harness/output.ts"
import { median } from "./harness/statistics.ts"
import type { Result } from "./harness/suite.ts"
import { markdown } from "./harness/tables.ts"
import { cases, type MemoryCase } from "./memory/cases.ts"

const options = readOptions(process.argv.slice(2))
const calls = options.quick ? 200_000 : 2_000_000
const parts = 40
/**
 * Bytes that the heap may grow by from the third quarter to the last, by the medians of each: compiled code moves it that
 * much. The smallest object, kept for each call, would be 6,000 kB.
 */
const flat = 32_000

interface Sampled extends MemoryCase {
  readonly heaps: ReadonlyArray<number>
  readonly growth: number
}

const growthOf = (heaps: ReadonlyArray<number>): number =>
  median(heaps.slice(parts * 3 / 4)) - median(heaps.slice(parts / 2, parts * 3 / 4))

const sample = async (one: MemoryCase): Promise<Sampled> => {
  const child = fork(join(import.meta.dirname, "memory", "child.ts"), [one.module, one.name, String(calls / parts), String(parts)], {
    execArgv: ["--expose-gc", ...options.conditions.flatMap((condition) => ["--conditions", condition])]
  })
  const ended = once(child, "exit")
  const [heaps] = await Promise.race([
    once(child, "message"),
    ended.then(([code]) => { throw new Error(`${one.name} ended with ${code}`) })
  ]) as [ReadonlyArray<number>]
  await ended
  process.stderr.write(`${one.name} ...\n`)
  return { ...one, heaps, growth: growthOf(heaps) }
}

/** As many processes at once as there are processors: each counts its own heap, so that neighbours do not matter. */
const sampleAll = async (wanted: ReadonlyArray<MemoryCase>): Promise<ReadonlyArray<Sampled>> => {
  const left = [...wanted.entries()]
  const found: Array<Sampled> = []
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) found[next[0]] = await sample(next[1])
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return found
}

const kilobytes = (bytes: number): string => String(Math.round(bytes / 1000))

const sampled = await sampleAll(cases.filter(({ name }) => options.wants(name)))
const rows = sampled.map(({ growth, heaps, name }) =>
  [name, kilobytes(heaps[0]!), kilobytes(heaps[parts / 2]!), kilobytes(heaps.at(-1)!), (growth / (calls / 4)).toFixed(3)])
const head = `${machine}; ${calls.toLocaleString("en")} calls a case, the heap after collection.`
const table = markdown(["case", "first, kB", "half-way", "last", "bytes a call"], rows)
console.log(`${head}\n\n${table}`)

const growing = sampled.filter(({ growth }) => growth > flat)
for (const { heaps, name } of growing) console.error(`${name} grows: ${heaps.map(kilobytes).join(" ")} kB`)
if (growing.length > 0) process.exitCode = 1

const results = sampled.map(({ growth, name, subject }): Result =>
  ({ case: `memory-${name}`, subject, median: Number((growth / (calls / 4)).toFixed(3)), unit: "bytes", rounds: parts }))
if (options.json !== undefined) writeJson(options.json, results)
if (options.write) writeSection("memory", `${head}\n\n${table}`)
