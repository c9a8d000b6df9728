/** Runs checks in the background: each in its own time, side by side, each with a hard timeout. */
import { type CheckOptions, readCheckOptions } from "../core/health/checkOptions.ts"
import { type CheckResult, explain, initial, normalResult, step } from "../core/health/health.ts"
import type { RegisteredCheck, Registry } from "../core/registry.ts"
import type { TimerHandle, TimerPort } from "../core/time/timers.ts"

export type { CheckOptions } from "../core/health/checkOptions.ts"

/** Gives a result, or throws, which counts as `fail`. */
export type CheckFunction = (context: { readonly signal: AbortSignal }) => PromiseLike<CheckResult> | CheckResult

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
    const alone = oneAtATime(check)
    const round = () => {
      const run = this.once(alone, registered.settings.timeout)
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
        Promise.resolve(check({ signal: controller.signal })).then((value) => settle(normalResult(value)), failed)
      } catch (error) {
        failed(error)
      }
    })
    return { result, abort: () => controller.abort() }
  }
}

/** A check that hangs is not started again on top of itself: what it holds, such as a connection, would pile up. */
const oneAtATime = (check: CheckFunction): CheckFunction => {
  let running = false
  return (context) => {
    if (running) return { status: "fail", output: "the check before has not ended yet" }
    running = true
    return Promise.resolve().then(() => check(context)).finally(() => {
      running = false
    })
  }
}
