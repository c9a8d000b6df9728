/** What a cache has to do, said again in arrays and plain loops, and random traces for whatever claims to do it. */
import * as fc from "fast-check"
import type { CacheStatistics } from "../../src/core/cache/cache.ts"

export interface Times {
  readonly ttl: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
}

export type Command =
  | { readonly do: "ask"; readonly key: string; readonly times: Times }
  /** `at` picks among the works, or the asks, that are not over. */
  | { readonly do: "settle"; readonly at: number; readonly how: "ok" | "fail" | "bad" }
  | { readonly do: "leave"; readonly at: number }
  | { readonly do: "pass"; readonly millis: number }
  | { readonly do: "invalidate"; readonly key: string }
  | { readonly do: "clear" | "isolate" | "restore" }

/** What is driven: each step writes down what its callers and its works see. */
export interface Driven {
  readonly log: Array<string>
  apply(command: Command): void | Promise<void>
  statistics(): CacheStatistics
}

export const maxEntries = 2
/** As options: an age of 0 is one that is left out. */
export const optionsOf = ({ staleIfError, staleWhileRevalidate, ttl }: Times) =>
  ({ ttl, staleWhileRevalidate: staleWhileRevalidate || undefined, staleIfError: staleIfError || undefined })
export const bad = { status: 503 }
export const shown = (value: unknown): string => typeof value === "string" ? value : "bad"

const key = fc.constantFrom("a", "b", "c")
/** Ages on a coarse grid, so that traces meet the bounds exactly. */
const times = fc.constantFrom<Times>(
  { ttl: 10, staleWhileRevalidate: 0, staleIfError: 0 },
  { ttl: 10, staleWhileRevalidate: 20, staleIfError: 0 },
  { ttl: 10, staleWhileRevalidate: 0, staleIfError: 30 },
  { ttl: 10, staleWhileRevalidate: 20, staleIfError: 30 },
  { ttl: 0, staleWhileRevalidate: 30, staleIfError: 20 }
)

export const traces = fc.array(fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("ask" as const), key, times }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("settle" as const), at: fc.nat(9), how: fc.constantFrom("ok" as const, "ok" as const, "fail" as const, "bad" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave" as const), at: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), millis: fc.constantFrom(1, 9, 10, 11) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("invalidate" as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("clear" as const, "isolate" as const, "restore" as const) }) }
), { maxLength: 60, size: "max" })

interface Waiting {
  readonly ask: number
  readonly key: string
  readonly times: Times
}

interface Work {
  readonly id: number
  readonly key: string
  readonly renewal: boolean
  waiting: Array<Waiting>
  /** Whether newcomers join it, and its answer is kept. */
  current: boolean
}

export class Reference implements Driven {
  readonly log: Array<string> = []
  private now = 0
  private isolated = false
  private asks = 0
  private begun = 0
  /** The most recent use last. */
  private answers: Array<{ readonly key: string; readonly value: string; readonly at: number }> = []
  private works: Array<Work> = []
  private readonly count = { hits: 0, misses: 0, stale: 0, refreshes: 0 }

  statistics(): CacheStatistics {
    return { ...this.count, entries: this.answers.length }
  }

  apply(command: Command): void {
    switch (command.do) {
      case "ask": return this.ask({ ask: this.asks++, key: command.key, times: command.times })
      case "settle": return this.settle(this.works[command.at % this.works.length], command.how)
      case "leave": return this.leave(command.at)
      case "pass": this.now += command.millis; return
      case "invalidate": return this.forget(({ key }) => key === command.key)
      case "clear": return this.forget(() => true)
      case "isolate": this.isolated = true; return
      case "restore": this.isolated = false
    }
  }

  private ask(waiting: Waiting): void {
    const { key, times: { staleIfError, staleWhileRevalidate, ttl } } = waiting
    const age = this.age(key)
    const work = this.works.find((work) => work.key === key && work.current)
    if (age <= ttl) return this.serve(waiting)
    if (age <= staleWhileRevalidate) {
      if (work === undefined && !this.isolated) this.begin(key, true, [])
      return this.serve(waiting)
    }
    if (this.isolated && age <= staleIfError) return this.serve(waiting)
    this.count.misses++
    if (work !== undefined) work.waiting.push(waiting)
    else if (this.isolated) this.log.push(`ask ${waiting.ask}: BreakerOpenError`)
    else this.begin(key, false, [waiting])
  }

  private begin(key: string, renewal: boolean, waiting: Array<Waiting>): void {
    this.works.push({ id: this.begun++, key, renewal, waiting, current: true })
    if (renewal) this.count.refreshes++
  }

  private settle(work: Work | undefined, how: "ok" | "fail" | "bad"): void {
    if (work === undefined) return
    this.works = this.works.filter((other) => other !== work)
    const value = `v${work.id}`
    if (how === "ok" && work.current) {
      this.answers = [...this.answers.filter(({ key }) => key !== work.key), { key: work.key, value, at: this.now }].slice(-maxEntries)
    }
    for (const waiting of work.waiting) {
      if (how === "ok") this.log.push(`ask ${waiting.ask}: ${value}`)
      else if (this.age(work.key) <= Math.max(...Object.values(waiting.times))) this.serve(waiting)
      else this.log.push(`ask ${waiting.ask}: ${how === "bad" ? "bad" : "boom"}`)
    }
  }

  private leave(at: number): void {
    const all = this.works.flatMap(({ waiting }) => waiting).toSorted((a, b) => a.ask - b.ask)
    const leaver = all[at % all.length]
    if (leaver === undefined) return
    this.log.push(`ask ${leaver.ask}: left`)
    const work = this.works.find(({ waiting }) => waiting.includes(leaver))!
    work.waiting = work.waiting.filter((other) => other !== leaver)
    if (work.waiting.length === 0 && !(work.renewal && work.current)) this.abort(work)
  }

  private forget(which: (of: { readonly key: string }) => boolean): void {
    this.answers = this.answers.filter((answer) => !which(answer))
    for (const work of this.works.filter(which)) {
      work.current = false
      if (work.waiting.length === 0) this.abort(work)
    }
  }

  private abort(work: Work): void {
    this.log.push(`work ${work.id} aborted`)
    this.works = this.works.filter((other) => other !== work)
  }

  private age(key: string): number {
    return this.now - (this.answers.find((answer) => answer.key === key)?.at ?? -Infinity)
  }

  private serve({ ask, key, times }: Waiting): void {
    const answer = this.answers.find((answer) => answer.key === key)!
    const fresh = this.age(key) <= times.ttl
    this.count[fresh ? "hits" : "stale"]++
    this.answers = [...this.answers.filter((other) => other !== answer), answer]
    this.log.push(`ask ${ask}: ${answer.value}${fresh ? "" : " stale"}`)
  }
}

/** Drives both through a trace, and compares what they saw after each step; within a step the order is free. */
export const agrees = async (trace: ReadonlyArray<Command>, driven: Driven, equal: (actual: unknown, expected: unknown, step: string) => void): Promise<void> => {
  const reference = new Reference()
  for (const command of trace) {
    reference.apply(command)
    const applied = driven.apply(command)
    if (applied !== undefined) await applied
    equal(driven.log.splice(0).toSorted(), reference.log.splice(0).toSorted(), JSON.stringify(command))
    equal(driven.statistics(), reference.statistics(), JSON.stringify(command))
  }
}
