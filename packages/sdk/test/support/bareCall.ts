/** The least shell that a call needs, neither promise nor fiber: it notes what it is told, and a test says how the work ends. */
import type { Attempt } from "../../src/core/call/attempt.ts"
import { Call } from "../../src/core/call/call.ts"
import { Dependency } from "../../src/core/dependency.ts"
import type { PolicyOptions } from "../../src/core/options.ts"
import type { CallOptions } from "../../src/core/call/try.ts"
import { virtual } from "./virtual.ts"

export class BareCall extends Call {
  readonly begun: Array<Attempt> = []
  readonly stopped: Array<readonly [attempt: number, reason: unknown]> = []
  readonly discarded: Array<unknown> = []
  readonly asked: Array<unknown> = []
  readonly answers: Array<{ readonly ok: boolean; readonly value: any; readonly raw: unknown }> = []
  /** Whether it has a schedule of its own. */
  scheduled = false
  /** What it does as soon as it is told to. */
  readonly hooks: { run?: (attempt: Attempt) => void; stop?: (attempt: Attempt) => void; done?: () => void } = {}

  protected override run(attempt: Attempt): void {
    this.begun.push(attempt)
    this.hooks.run?.(attempt)
  }
  protected override stop(attempt: Attempt, reason: unknown): void {
    this.stopped.push([attempt.attempt, reason])
    this.hooks.stop?.(attempt)
  }
  protected override discard(value: unknown): void {
    this.discarded.push(value)
  }
  protected override done(ok: boolean, value: unknown, raw: unknown): void {
    this.answers.push({ ok, value, raw })
    this.hooks.done?.()
  }
  protected override get asks(): boolean {
    return this.scheduled
  }
  protected override ask(value: unknown): void {
    this.asked.push(value)
  }

  /** The work of this attempt, counted from 1, has ended. */
  ends(attempt: number, ok: boolean, value: unknown): void {
    this.settle(this.begun[attempt - 1]!, ok, value, `raw ${String(value)}`)
  }

  /** The caller's. */
  get given() {
    return this.answers[0]
  }
}

/** A dependency on a clock moved by hand, and calls of it. */
export const scene = (options: PolicyOptions) => {
  const { port, timers } = virtual()
  const dependency = new Dependency("x", options, timers)
  const make = (callOptions?: CallOptions) => new BareCall(dependency, dependency.currentLanes, callOptions)
  const start = (callOptions?: CallOptions, deadline = Infinity) => {
    const call = make(callOptions)
    call.start(deadline)
    return call
  }
  const events: Array<readonly [string, unknown]> = []
  const listen = () => {
    for (const type of ["breaker", "retry", "hedge", "timeout", "reject"] as const) dependency.on(type, (event) => events.push([type, event]))
  }
  return { dependency, port, make, start, events, listen, statistics: dependency.statistics }
}
