/** Runs checks in the background: each in its own time, side by side, each with a hard timeout. */
import { type DurationInput, toMillis } from "../core/duration.ts"
import { InvalidPolicyOption } from "../core/errors.ts"
import { type CheckResult, type CheckSettings, explain, initial, step } from "../core/health.ts"
import type { Criticality } from "../core/options.ts"
import type { RegisteredCheck, Registry } from "../core/registry.ts"
import type { TimerHandle, TimerPort } from "../core/timers.ts"

/** Gives a result, or throws, which counts as `fail`. */
export type CheckFunction = (context: { readonly signal: AbortSignal }) => PromiseLike<CheckResult> | CheckResult

export interface CheckOptions {
  /** 30 seconds unless said. */
  readonly every?: DurationInput | undefined
  /** 5 seconds unless said, or `every` where that is less. */
  readonly timeout?: DurationInput | undefined
  /** Bad results in a row until it shows; 2 unless said. */
  readonly failAfter?: number | undefined
  /** Good results in a row until it shows; 1 unless said. */
  readonly recoverAfter?: number | undefined
  /** What its failure does to the health of the process; "degrades" unless said. */
  readonly criticality?: Criticality | undefined
  /** Whether its failure takes the process out of service; false unless said. */
  readonly readiness?: boolean | undefined
}

const millis = (name: string, option: string, input: DurationInput): number => {
  const value = toMillis(input)
  if (value > 0 && value < Infinity) return value
  throw new InvalidPolicyOption(`check ${name}`, option, input, 'milliseconds or a duration such as "30 seconds", above zero and finite')
}

/** Options made whole; throws `InvalidPolicyOption`. */
export const readCheckOptions = (name: string, options: CheckOptions): CheckSettings => {
  const every = millis(name, "every", options.every ?? 30_000)
  const { criticality = "degrades", failAfter = 2, readiness = false, recoverAfter = 1 } = options
  for (const [option, value] of Object.entries({ failAfter, recoverAfter })) {
    if (!Number.isInteger(value) || value < 1) throw new InvalidPolicyOption(`check ${name}`, option, value, "a whole number from 1")
  }
  if (!["critical", "degrades", "ignored"].includes(criticality)) {
    throw new InvalidPolicyOption(`check ${name}`, "criticality", criticality, "critical, degrades or ignored")
  }
  const timeout = options.timeout === undefined ? Math.min(5000, every) : millis(name, "timeout", options.timeout)
  return { every, timeout, criticality, failAfter, recoverAfter, readiness }
}

export class Checks {
  private readonly registry: Registry
  private readonly port: TimerPort
  private readonly stops = new Set<() => void>()

  constructor(registry: Registry, port: TimerPort) {
    this.registry = registry
    this.port = port
  }

  /** Runs `check` now and then every so often, until the returned function is called. */
  add(name: string, check: CheckFunction, options: CheckOptions): () => void {
    const settings = readCheckOptions(name, options)
    const registered: RegisteredCheck = { settings, state: initial(this.port.epoch()) }
    const remove = this.registry.check(name.includes(":") ? name : `${name}:check`, registered)
    const stopRunning = this.repeat(registered, check)
    const stop = () => {
      this.stops.delete(stop)
      stopRunning()
      remove()
    }
    this.stops.add(stop)
    return stop
  }

  close(): void {
    for (const stop of [...this.stops]) stop()
  }

  private repeat(registered: RegisteredCheck, check: CheckFunction): () => void {
    let timer: TimerHandle | undefined
    let stopped = false
    let abort = () => {}
    const round = () => {
      const run = this.once(check, registered.settings.timeout)
      abort = run.abort
      void run.result.then((result) => {
        if (stopped) return
        registered.state = step(registered.state, result, this.port.now(), this.port.epoch(), registered.settings)
        timer = this.port.at(registered.settings.every, round)
        timer.hold(false)
      })
    }
    round()
    return () => {
      stopped = true
      timer?.cancel()
      abort()
    }
  }

  /** One result, at the timeout at the latest; never rejects. */
  private once(check: CheckFunction, timeout: number): { readonly result: Promise<CheckResult>; readonly abort: () => void } {
    const controller = new AbortController()
    const result = new Promise<CheckResult>((resolve) => {
      const timer = this.port.at(timeout, () => {
        resolve({ status: "fail", output: `no answer within ${timeout} ms` })
        controller.abort()
      })
      timer.hold(false)
      const settle = (value: CheckResult) => {
        timer.cancel()
        resolve(value)
      }
      const failed = (error: unknown) => settle({ status: "fail", output: explain(error) })
      try {
        Promise.resolve(check({ signal: controller.signal })).then((value) => settle(normal(value)), failed)
      } catch (error) {
        failed(error)
      }
    })
    return { result, abort: () => controller.abort() }
  }
}

/** Whoever returns nothing found nothing wrong. */
const normal = (value: unknown): CheckResult => {
  if (value === undefined) return { status: "pass" }
  const { status } = (value ?? {}) as { readonly status?: unknown }
  return status === "pass" || status === "warn" || status === "fail"
    ? value as CheckResult
    : { status: "fail", output: `the check gave ${JSON.stringify(value)}, but must give { status: "pass" | "warn" | "fail" }` }
}
