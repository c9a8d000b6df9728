/** What holds of every trace, whatever its policy, once everybody has an answer or has left. Each sentence is checked by itself. */
import { assert } from "vitest"
import type { Line, Run } from "./observed.ts"
import type { CallStep, Options, Script } from "./trace.ts"

type Of<K extends Line["kind"]> = Extract<Line, { readonly kind: K }>

class Trace {
  readonly script: Script
  readonly run: Run
  readonly calls: ReadonlyArray<CallStep>
  /** The policy from its first day, and what it was changed to. */
  readonly policies: ReadonlyArray<Options>
  readonly chaotic: boolean

  constructor(script: Script, run: Run) {
    this.script = script
    this.run = run
    this.calls = script.steps.filter((step) => step.do === "call")
    const updates = script.steps.filter((step) => step.do === "update")
    this.policies = [script.policy, ...updates.map(({ options }) => options)]
    this.chaotic = script.steps.some((step) => step.do === "chaos")
  }

  number(name: string): number {
    return (this.run.observed.state[name] as number | undefined) ?? 0
  }

  of<K extends Line["kind"]>(...kinds: ReadonlyArray<K>): ReadonlyArray<Of<K>> {
    return this.run.lines.filter((line): line is Of<K> => (kinds as ReadonlyArray<string>).includes(line.kind))
  }

  told(type: Of<"tells">["type"]): ReadonlyArray<Of<"tells">> {
    return this.of("tells").filter((line) => line.type === type)
  }

  /** The options of one part in all the policy's days; undefined where it was off on any. */
  always<K extends keyof Options>(part: K): ReadonlyArray<Exclude<Options[K], false | undefined>> | undefined {
    const given = this.policies.filter((options, index) => index === 0 || part in options).map((options) => options[part])
    return given.every((options) => options !== undefined && options !== false) ? given as never : undefined
  }

  /** As long as it is at work and nobody has told it to stop. */
  lives(): ReadonlyArray<{ readonly call: string; readonly from: number; readonly to: number; readonly until: number }> {
    const { lines } = this.run
    return lines.flatMap((line, from) => {
      if (line.kind !== "begins") return []
      const find = (kind: "stops" | "ends") => lines.findIndex((other) => other.kind === kind && other.call === line.call && other.attempt === line.attempt)
      const [stops, ends] = [find("stops"), find("ends")]
      return [{ call: line.call, from, to: ends, until: stops < 0 ? ends : Math.min(stops, ends) }]
    })
  }
}

const most = (lives: ReadonlyArray<{ readonly from: number; readonly to: number }>): number =>
  Math.max(0, ...lives.map(({ from }) => lives.filter((other) => other.from <= from && other.to > from).length))

/** By name: what a trace says when it does not hold. */
export const invariants: Readonly<Record<string, (trace: Trace) => void>> = {
  "each caller hears exactly once, or leaves": (trace) => {
    assert.sameMembers(trace.of("hears", "leaves").map(({ call }) => call), trace.calls.map(({ name }) => name))
  },

  "the numbers of the calls add up": (trace) => {
    assert.strictEqual(trace.number("calls"), trace.calls.length)
    assert.strictEqual(trace.number("calls"), ["successes", "failures", "rejected", "aborted"].reduce((sum, name) => sum + trace.number(name), 0))
    assert.strictEqual(trace.number("aborted"), trace.of("leaves").length)
    const good = trace.of("hears").filter(({ ok, value }) => ok && value !== "instead" && (value as { readonly status?: number }).status !== 503)
    assert.strictEqual(trace.number("successes"), good.length)
  },

  "the numbers of the attempts add up": (trace) => {
    if (!trace.chaotic) assert.strictEqual(trace.number("attempts"), trace.of("begins").length)
    assert.isAtMost(trace.number("attempts"), trace.number("calls") + trace.number("retries") + trace.number("hedges"))
    assert.isAtMost(trace.number("recovered") + trace.number("exhausted"), trace.number("retried"))
    assert.isAtMost(trace.number("retried"), trace.number("retries"))
    assert.isAtMost(trace.number("hedgesWon"), trace.number("hedges"))
  },

  "what is told is what is counted": (trace) => {
    for (const [type, name] of [["retry", "retries"], ["hedge", "hedges"], ["reject", "rejected"], ["fallback", "fallbacks"]] as const) {
      assert.strictEqual(trace.told(type).length, trace.number(name), name)
    }
    const opened = trace.of("tells").filter((line) => line.type === "breaker" && line.event.to === "open")
    assert.strictEqual(opened.length, trace.number("openings"))
    assert.isAtMost(trace.told("timeout").length, trace.number("timeouts"))
  },

  "at the end nothing runs, nobody waits, no permit is taken and no timer is left": (trace) => {
    assert.deepStrictEqual(["running", "abandoned", "queued"].map((name) => trace.number(name)), [0, 0, 0])
    assert.deepStrictEqual({ permits: trace.run.permits, timers: trace.run.timers }, { permits: 0, timers: 0 })
  },

  "attempts are numbered in a row, end once, and are told to stop at most once": (trace) => {
    const ids = (kind: "begins" | "ends" | "stops") => trace.of(kind).map(({ attempt, call }) => `${call} ${attempt}`)
    assert.sameMembers(ids("ends"), ids("begins"))
    assert.strictEqual(new Set(ids("stops")).size, ids("stops").length)
    if (trace.chaotic) return
    for (const { name } of trace.calls) {
      const numbers = trace.of("begins").filter(({ call }) => call === name).map(({ attempt }) => attempt)
      assert.deepStrictEqual(numbers, numbers.map((_, index) => index + 1))
    }
  },

  "nobody hears later than its deadline, and nothing begins after it": (trace) => {
    let timeout: unknown = trace.script.policy.timeout
    for (const step of trace.script.steps) {
      if (step.do === "update" && "timeout" in step.options) timeout = step.options.timeout
      if (step.do !== "call") continue
      const end = Math.min(step.at + (typeof timeout === "number" ? timeout : Infinity), Math.max(step.at, step.deadline ?? Infinity))
      for (const { at, call } of trace.of("hears", "begins")) if (call === step.name) assert.isAtMost(at, end, call)
    }
  },

  "an attempt is told when its time will be over, and is not told to stop for its time before": (trace) => {
    for (const line of trace.told("timeout")) {
      if (line.type !== "timeout") continue
      const begun = trace.of("begins").find(({ attempt, call }) => call === line.event.operation && attempt === line.event.attempt)
      if (begun !== undefined) assert.strictEqual(begun.deadline, line.at, `${begun.call} ${begun.attempt}`)
    }
  },

  "never more are at work than there are permits": (trace) => {
    const bulkheads = trace.always("bulkhead")
    if (bulkheads !== undefined) assert.isAtMost(most(trace.lives()), Math.max(...bulkheads.map(({ concurrency }) => concurrency!)))
  },

  "a breaker that is open, or isolated, lets nothing through": (trace) => {
    if (trace.chaotic || trace.policies.some(({ breaker }) => breaker === false)) return
    const changes = trace.of("tells").flatMap((line) => line.type === "breaker" ? [{ at: line.at, ...line.event }] : [])
    for (const { at, call } of trace.of("begins")) {
      const { breakerKey } = trace.calls.find(({ name }) => name === call)!
      const shut = (key: string | undefined, states: ReadonlyArray<string>) => {
        const own = changes.filter((change) => change.key === key)
        return states.includes(own.findLast((change) => change.at < at)?.to ?? "closed") && !own.some((change) => change.at === at)
      }
      assert.isFalse(shut(undefined, breakerKey === undefined ? ["open", "isolated"] : ["isolated"]) || shut(breakerKey, ["open"]), `${call} at ${at}`)
    }
  },

  "a half-open breaker lets no more through at once than it has probes": (trace) => {
    const breakers = trace.always("breaker")
    if (trace.chaotic || breakers === undefined) return
    const probes = Math.max(...breakers.map(({ halfOpenCalls = 1 }) => halfOpenCalls))
    const { lines } = trace.run
    const lives = trace.lives()
    lines.forEach((line, from) => {
      if (line.kind !== "tells" || line.type !== "breaker" || line.event.to !== "half-open") return
      const { key } = line.event
      const to = lines.findIndex((other, index) => index > from && other.kind === "tells" && other.type === "breaker" && other.event.key === key)
      const within = lives.filter((life) => life.from > from && (to < 0 || life.from < to) && trace.calls.find(({ name }) => name === life.call)!.breakerKey === key)
      assert.isAtMost(most(within.map(({ from, until }) => ({ from, to: until }))), probes)
    })
  },

  "the budget of retries and hedges is never overdrawn": (trace) => {
    const { retry } = trace.script.policy
    if (!retry || !retry.budget || trace.policies.slice(1).some((options) => "retry" in options)) return
    const { perSecond = 1, ratio = 0.2, window } = retry.budget
    let [calls, spent] = [0, 0]
    for (const line of trace.run.lines) {
      if (line.kind === "asks") calls++
      if (line.kind === "tells" && (line.type === "retry" || line.type === "hedge")) {
        assert.isAtMost(++spent, ratio * calls + perSecond * window! / 1000 + 1e-9)
      }
    }
  },

  "a sliding window never lets more begin than its limit": (trace) => {
    const limits = trace.always("rateLimit")
    if (limits?.length !== 1 || limits[0]!.algorithm !== "sliding-window" || trace.chaotic || trace.policies.some(({ bulkhead }) => bulkhead)) return
    const begun = trace.of("begins").map(({ at }) => at)
    for (const at of begun) assert.isAtMost(begun.filter((other) => other > at - limits[0]!.window && other <= at).length, limits[0]!.limit)
  }
}

/** Throws when any of them does not hold. */
export const holds = (script: Script, run: Run): void => {
  const trace = new Trace(script, run)
  for (const [name, invariant] of Object.entries(invariants)) {
    try {
      invariant(trace)
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}\n${run.observed.log.join("\n")}`, { cause: error })
    }
  }
}
