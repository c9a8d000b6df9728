/** A loop that runs now and then in the host: never twice at once, and it stops. */
import { type DurationInput, toMillis } from "../core/time/duration.ts"
import { InvalidPolicyOption } from "../core/errors.ts"
import { type CheckState, explain, initial, step } from "../core/health/health.ts"
import type { RegisteredCheck, Registry } from "../core/registry.ts"
import type { TimerPort } from "../core/time/timers.ts"

export interface BackgroundOptions {
  /** From the end of one run to the beginning of the next. */
  readonly every: DurationInput
}

/** Begins at once; the returned function stops it and waits for the run under way, at most `wait` ms. */
export const runBackground = (
  name: string,
  { every }: BackgroundOptions,
  run: (context: { readonly signal: AbortSignal }) => unknown,
  { log, port, registry }: { readonly registry: Registry; readonly port: TimerPort; readonly log: (line: string) => void }
): (wait: number) => Promise<void> => {
  const millis = toMillis(every)
  if (!(millis > 0 && millis < Infinity)) {
    throw new InvalidPolicyOption(`background ${name}`, "every", every, 'milliseconds or a duration such as "1 minute", above zero and finite')
  }
  const settings = { every: millis, timeout: 0, failAfter: 1, recoverAfter: 1, criticality: "degrades", readiness: false } as const
  const check: RegisteredCheck & { state: CheckState } = { settings: { ...settings, every: Infinity }, state: initial(port.epoch()) }
  const remove = registry.check(`${name}:background`, check)
  const abort = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let timer = port.at(Infinity, () => {})

  const once = async () => {
    const result = await Promise.resolve().then(() => run({ signal: abort.signal })).then(
      () => ({ status: "pass" }) as const,
      (error: unknown) => ({ status: "warn", output: explain(error) }) as const
    )
    if (abort.signal.aborted) return
    if (result.status === "warn") log(`Background ${name} failed: ${result.output}`)
    check.state = step(check.state, result, port.now(), port.epoch(), settings)
    timer = port.at(millis, begin)
    timer.hold(false)
  }
  const begin = () => {
    running = once()
  }
  begin()

  return async (wait) => {
    abort.abort()
    timer.cancel()
    remove()
    await new Promise<void>((resolve) => {
      const limit = port.at(wait, resolve)
      void running.then(() => {
        limit.cancel()
        resolve()
      })
    })
  }
}
