/** What is measured: each measurement, how large it is, who takes part, and the cases that it gives a figure for. */
import type { Unit } from "../harness/suite.ts"
import { plain, type Shape } from "./queue.ts"
import type { SubjectName } from "./subjects.ts"

export interface TaskCase {
  readonly name: string
  readonly unit: Unit
  readonly says: string
}

/** How much work a drain is. */
export interface DrainSize {
  /** Enqueued before any runner begins. */
  readonly waiting: number
  /** How many of them are done before the clock begins, and how many while it runs. */
  readonly before: number
  readonly measured: number
}

interface Common {
  readonly cases: ReadonlyArray<TaskCase>
  readonly subjects: ReadonlyArray<SubjectName>
}

export interface DrainMeasurement extends Common {
  readonly _tag: "Drain"
  readonly shape: Shape
  readonly runners: number
  /** Whether another session holds a snapshot open meanwhile. */
  readonly held: boolean
  readonly full: DrainSize
  readonly quick: DrainSize
}

export type Measurement =
  | DrainMeasurement
  | Common & { readonly _tag: "Bulk" }
  | Common & { readonly _tag: "Singles" }
  | Common & { readonly _tag: "Latency" }

const everybody: ReadonlyArray<SubjectName> = ["outrigger", "raw", "graphile-worker tuned", "graphile-worker default", "pg-boss", "pg-boss fetch"]
const enqueuing: ReadonlyArray<SubjectName> = ["outrigger", "raw", "graphile-worker tuned", "pg-boss"]
const best: ReadonlyArray<SubjectName> = ["outrigger", "raw", "graphile-worker tuned"]
const growing: ReadonlyArray<SubjectName> = [...best, "pg-boss fetch"]

const rate = (name: string, says: string): TaskCase => ({ name, unit: "tasks/s", says })

/** All that waits is done, and all of it counts. */
const all = (waiting: number): DrainSize => ({ waiting, before: 0, measured: waiting })

const drain = (cases: ReadonlyArray<TaskCase>, subjects: ReadonlyArray<SubjectName>, options: Partial<DrainMeasurement> = {}): DrainMeasurement => ({
  _tag: "Drain", cases, subjects, shape: plain, runners: 1, held: false, full: all(100_000), quick: all(10_000), ...options
})

/** Before the clock of what is compared with one another begins, so that it is not the runner's warming up that is compared. */
const warmup = 20_000

export const measurements: ReadonlyArray<Measurement> = [
  drain([
    rate("drain", "100,000 tasks that do nothing, one runner at its default settings"),
    { name: "memory", unit: "MB", says: "resident memory of the runner after `drain`" },
    { name: "wal", unit: "bytes", says: "write-ahead log of a task of `drain`, from its enqueue to its end" }
  ], everybody, { quick: all(20_000) }),
  { _tag: "Bulk", cases: [rate("bulk-enqueue", "100,000 tasks, a thousand a call, four calls at once")], subjects: enqueuing },
  { _tag: "Singles", cases: [rate("single-enqueue-50", "50 callers, each enqueuing one after the other")], subjects: enqueuing },
  {
    _tag: "Latency",
    cases: [
      { name: "start-latency-p50", unit: "ms", says: "from the call that enqueues to the handler's start, the runner asleep" },
      { name: "start-latency-p99", unit: "ms", says: "the same, of the slowest hundredth" }
    ],
    subjects: ["outrigger", "graphile-worker tuned", "graphile-worker default", "pg-boss"]
  },
  drain([rate("drain-keys", "half of the tasks behind 1,000 keys, one at a time each")], ["outrigger"], { shape: { ...plain, keys: 1000 } }),
  drain([rate("drain-routes", "20 tasks by 10 priorities")], ["outrigger", "graphile-worker tuned"], { shape: { ...plain, routes: 20, priorities: 10 } }),
  drain([rate("drain-failing", "one of five fails at its first attempt")], ["outrigger", "graphile-worker tuned", "pg-boss"], { shape: { ...plain, failing: true } }),
  drain([rate("drain-20000", "20,000 waiting, the runner warm")], growing, {
    full: { waiting: warmup + 20_000, before: warmup, measured: 20_000 },
    quick: { waiting: 10_000, before: 5000, measured: 5000 }
  }),
  drain([rate("drain-million-waiting", "a million waiting, the runner warm; 100,000 of them")], growing, {
    full: { waiting: 1_000_000, before: warmup, measured: 100_000 },
    quick: { waiting: 60_000, before: 5000, measured: 5000 }
  }),
  drain([rate("drain-snapshot-held", "a snapshot held open; 100,000 after 200,000")], growing, {
    held: true,
    full: { waiting: 300_000, before: 200_000, measured: 100_000 },
    quick: { waiting: 25_000, before: 20_000, measured: 5000 }
  }),
  drain([rate("drain-two-runners", "200,000 tasks, two runners")], best, { runners: 2, full: all(200_000) }),
  drain([rate("drain-four-runners", "200,000 tasks, four runners")], best, { runners: 4, full: all(200_000) })
]

export const caseNames: ReadonlyArray<string> = measurements.flatMap(({ cases }) => cases.map(({ name }) => name))
