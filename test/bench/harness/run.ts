/**
 * Runs the cases of a group: each subject in a process of its own, all of a case side by side, one at work at a time. Each
 * round asks every subject once, in an order of its own, so that a busy moment of the machine meets them all alike.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Order } from "./child.ts"
import type { BenchOptions } from "./options.ts"
import { median, shuffled, spread } from "./statistics.ts"
import type { Case, Group, Measure, Result, Subject } from "./suite.ts"

/** A result, and how far its rounds lie apart. */
export interface Measured extends Result {
  /** Of the middle half of the rounds, as a part of the median. */
  readonly spread: number
}

interface Contestant {
  readonly subject: string
  readonly process: ChildProcess
}

/** The next message of a process; fails when it ends before. */
export const answer = async (child: ChildProcess, what: string): Promise<unknown> => {
  const gone = new AbortController()
  const died = once(child, "exit", { signal: gone.signal }).then(() => {
    throw new Error(`${what} ended before it answered`)
  })
  try {
    const [message] = await Promise.race([once(child, "message", { signal: gone.signal }), died])
    return message
  } finally {
    died.catch(() => {})
    gone.abort()
  }
}

const knows = async (module: URL, name: string): Promise<boolean> =>
  name in (await import(module.href) as { readonly default: Subject }).default

const enter = async (group: Group, { name }: Case, { conditions, wantsSubject, warmMillis }: BenchOptions): Promise<ReadonlyArray<Contestant>> => {
  const contestants: Array<Contestant> = []
  for (const [subject, module] of Object.entries(group.subjects)) {
    if (!wantsSubject(subject) || !await knows(module, name)) continue
    const child = fork(join(import.meta.dirname, "child.ts"), [module.href, name, String(warmMillis)], {
      execArgv: ["--expose-gc", ...conditions.flatMap((condition) => ["--conditions", condition])]
    })
    await answer(child, `${name} of ${subject}`)
    contestants.push({ subject, process: child })
  }
  return contestants
}

const ask = async ({ process: child, subject }: Contestant, order: Order): Promise<number> => {
  const answered = answer(child, subject)
  child.send(order)
  return await answered as number
}

const rounds = async (
  contestants: ReadonlyArray<Contestant>, order: Order, count: number
): Promise<ReadonlyMap<string, ReadonlyArray<number>>> => {
  const found = new Map(contestants.map(({ subject }) => [subject, [] as Array<number>]))
  for (let round = 0; round < count; round++) {
    for (const contestant of shuffled(contestants)) found.get(contestant.subject)!.push(await ask(contestant, order))
  }
  return found
}

const units = { time: "ns", bytes: "bytes" } as const

const runCase = async (group: Group, one: Case, options: BenchOptions): Promise<ReadonlyArray<Measured>> => {
  const contestants = await enter(group, one, options)
  const measured = async (measure: Measure, name: string, count: number): Promise<ReadonlyArray<Measured>> => {
    const found = await rounds(contestants, { measure, millis: options.roundMillis }, count)
    return [...found].map(([subject, values]) => ({
      case: name, subject, median: Math.round(median(values)), unit: units[measure], rounds: values.length, spread: spread(values)
    }))
  }
  try {
    return [
      ...await measured("time", one.name, options.rounds),
      ...await measured("bytes", `${one.name}-bytes`, Math.ceil(options.rounds / 3))
    ]
  } finally {
    for (const { process: child } of contestants) if (child.connected) child.disconnect()
  }
}

/** All cases that were asked for, one after the other. */
export const runGroup = async (group: Group, options: BenchOptions): Promise<ReadonlyArray<Measured>> => {
  const results: Array<Measured> = []
  for (const one of group.cases.filter(({ name }) => options.wants(name))) {
    process.stderr.write(`${one.name} ...\n`)
    results.push(...await runCase(group, one, options))
  }
  return results
}
