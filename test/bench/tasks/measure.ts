/** One measurement of one subject: a database of its own, processes of its own, and the proof that all was done once. */
import { setTimeout as pause } from "node:timers/promises"
import { quantile } from "../harness/statistics.ts"
import type { Unit } from "../harness/suite.ts"
import type { DrainMeasurement, Measurement } from "./cases.ts"
import type { Filled, Order, Ran } from "./orders.ts"
import { type Contestant, Process } from "./process.ts"
import { plain } from "./queue.ts"
import type { Database, Server, Session } from "./server.ts"
import { subjects, type SubjectName } from "./subjects.ts"
import { countFault, rateOf, stallFault } from "./verdict.ts"

/** By the name of the case. */
export type Figures = Readonly<Record<string, number>>

interface Bench extends Contestant {
  readonly database: Database
  readonly session: Session
  readonly quick: boolean
}

/** All of them begin at once; whichever fails takes the others with it. */
const perform = async (processes: ReadonlyArray<Process>, ready: () => Promise<void> = async () => {}): Promise<ReadonlyArray<Filled | Ran>> => {
  try {
    await Promise.all(processes.map(({ ready }) => ready))
    await ready()
    for (const one of processes) one.tell("Go")
    return await Promise.all(processes.map(({ result }) => result))
  } finally {
    for (const one of processes) one.kill()
  }
}

const enqueue = async (bench: Bench, order: Order, ready?: () => Promise<void>): Promise<Filled> => {
  const [filled] = await perform([new Process(bench, order)], ready)
  return filled as Filled
}

/** How many are done, as the tables say; fails when that is not what the handlers say. */
const check = async ({ session, subject }: Bench, counts: { readonly enqueued: number; readonly succeeded: number }): Promise<number> => {
  const waiting = Number(await session.value(subject.waiting))
  const stored = subject.succeeded === undefined ? counts.enqueued - waiting : Number(await session.value(subject.succeeded))
  const fault = countFault({ ...counts, waiting, stored })
  if (fault !== undefined) throw new Error(fault)
  return stored
}

const capMillis = ({ quick }: Bench) => quick ? 4000 : 20_000

/** They stop together, once as many are done as there are to do. */
const run = async (bench: Bench, { runners, shape }: DrainMeasurement, before: number, tasks: number): Promise<ReadonlyArray<Ran>> => {
  const order: Order = { _tag: "Run", shape, before, tasks, capMillis: capMillis(bench) }
  const processes: ReadonlyArray<Process> = Array.from({ length: runners }, () => new Process(bench, order, () => {
    if (processes.reduce((sum, { succeeded }) => sum + succeeded, 0) >= tasks) for (const one of processes) one.tell("Stop")
  }))
  return await perform(processes) as ReadonlyArray<Ran>
}

/** Where the write-ahead log ends, bytes. */
const walEnd = async (session: Session): Promise<number> => Number(await session.value("select pg_current_wal_lsn() - '0/0'"))

const drain = async (bench: Bench, measurement: DrainMeasurement): Promise<Figures> => {
  const { before, measured, waiting } = bench.quick ? measurement.quick : measurement.full
  const { session } = bench
  let beforeFill = 0
  await enqueue(bench, { _tag: "Fill", shape: measurement.shape, warmup: 0, tasks: waiting }, async () => { beforeFill = await walEnd(session) })
  const walFilled = await walEnd(session) - beforeFill
  // Everybody begins with fresh statistics, and without a checkpoint about to come.
  await session.run("vacuum analyze")
  await session.run("checkpoint")
  const holder = measurement.held ? await bench.database.open() : undefined
  await holder?.run("begin isolation level repeatable read; select 1")
  const beforeRun = await walEnd(session)
  const ran = await run(bench, measurement, before, before + measured)
  const walRun = await walEnd(session) - beforeRun
  await holder?.close()
  const fault = stallFault(ran)
  if (fault !== undefined) throw new Error(fault)
  const stored = await check(bench, { enqueued: waiting, succeeded: ran.reduce((sum, { succeeded }) => sum + succeeded, 0) })
  const figures: Partial<Record<Unit, number>> = {
    "tasks/s": rateOf(ran, stored),
    MB: Math.max(...ran.map(({ rss }) => rss)) / 1e6,
    bytes: walFilled / waiting + walRun / stored
  }
  return Object.fromEntries(measurement.cases.map(({ name, unit }) => [name, figures[unit]!]))
}

const bulk = async (bench: Bench): Promise<Figures> => {
  const tasks = bench.quick ? 20_000 : 100_000
  const filled = await enqueue(bench, { _tag: "Fill", shape: plain, warmup: tasks / 5, tasks })
  await check(bench, { enqueued: filled.enqueued, succeeded: 0 })
  return { "bulk-enqueue": filled.counted / filled.millis * 1000 }
}

const singles = async (bench: Bench): Promise<Figures> => {
  const millis = bench.quick ? 800 : 4000
  const filled = await enqueue(bench, { _tag: "Singles", shape: plain, callers: 50, warmMillis: millis / 4, millis })
  await check(bench, { enqueued: filled.enqueued, succeeded: 0 })
  return { "single-enqueue-50": filled.counted / filled.millis * 1000 }
}

const latency = async (bench: Bench): Promise<Figures> => {
  const shape = { ...plain, waking: true }
  const [tasks, warmup] = bench.quick ? [40, 10] : [300, 30]
  const order: Order = { _tag: "Run", shape, before: 0, tasks, capMillis: 60_000 }
  let runner: Process | undefined
  try {
    await enqueue(bench, { _tag: "Trickle", shape, tasks }, async () => {
      runner = new Process(bench, order)
      await runner.ready
      runner.tell("Go")
      await runner.running
      await pause(500) // for it to fall asleep
    })
    const ran = await runner!.result as Ran
    await check(bench, { enqueued: tasks, succeeded: ran.succeeded })
    const latencies = ran.latencies.slice(warmup)
    return { "start-latency-p50": quantile(latencies, 0.5), "start-latency-p99": quantile(latencies, 0.99) }
  } finally {
    runner?.kill()
  }
}

const figuresOf = (bench: Bench, measurement: Measurement): Promise<Figures> => {
  switch (measurement._tag) {
    case "Drain": return drain(bench, measurement)
    case "Bulk": return bulk(bench)
    case "Singles": return singles(bench)
    case "Latency": return latency(bench)
  }
}

export const measure = async (
  server: Server, measurement: Measurement, name: SubjectName, { conditions, quick }: Pick<Bench, "quick" | "conditions">
): Promise<Figures> => {
  const database = await server.database()
  const session = await database.open()
  try {
    return await figuresOf({ name, subject: subjects[name], url: database.url, database, session, conditions, quick }, measurement)
  } finally {
    await session.close()
    await database.drop()
  }
}
