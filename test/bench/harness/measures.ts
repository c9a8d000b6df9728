/**
 * How one round is measured. Time is processor time of the thread that runs the loop: that of a busy loop on a machine with
 * nothing else to do, without what the neighbours take, and without what a call waits for timers.
 *
 * Every round begins with a collected heap, and with a warm-up: a full collection between calls lets go of the optimized
 * code of whatever has no instance at that moment.
 */
import { GCProfiler } from "node:v8"
import type { Loop, Measure } from "./suite.ts"

const collect = globalThis.gc ?? (() => {
  throw new Error("run with --expose-gc")
})

/** Milliseconds of processor time that the loop takes. */
const taken = async (loop: Loop, count: number): Promise<number> => {
  const start = process.threadCpuUsage()
  await loop(count)
  const { system, user } = process.threadCpuUsage(start)
  return (system + user) / 1000
}

/** Operations a millisecond, found by running for at least this long. */
export const warm = async (loop: Loop, millis: number): Promise<number> => {
  for (let count = 64;; count *= 2) {
    const took = await taken(loop, count)
    if (took >= millis) return count / took
  }
}

const time = async (loop: Loop, millis: number): Promise<number> => {
  collect()
  const count = Math.ceil(await warm(loop, millis / 3) * millis)
  return await taken(loop, count) * 1e6 / count
}

const sample = 5000

/** What the heap grew by, and what collections took from it meanwhile. */
const bytes = async (loop: Loop, millis: number): Promise<number> => {
  collect()
  await warm(loop, millis / 3)
  const profiler = new GCProfiler()
  profiler.start()
  const before = process.memoryUsage().heapUsed
  await loop(sample)
  const grown = process.memoryUsage().heapUsed - before
  const collected = profiler.stop().statistics.map(({ afterGC, beforeGC }) =>
    beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize)
  return (grown + collected.reduce((sum, one) => sum + one, 0)) / sample
}

/** One round of about so many milliseconds. */
export const measures: Readonly<Record<Measure, (loop: Loop, millis: number) => Promise<number>>> = { time, bytes }
