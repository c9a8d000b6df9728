/** Drives the promise face through a trace, on a clock moved by hand. */
import { Dependency } from "../../src/core/dependency.ts"
import type { AttemptContext } from "../../src/core/call/attempt.ts"
import { Timers } from "../../src/core/time/timers.ts"
import { Api } from "../../src/promise/Api.ts"
import { script as chaosScript } from "../../src/promise/Chaos.ts"
import { VirtualPort } from "../support/virtual.ts"
import { type Face, Recorder } from "./observed.ts"
import { type CallStep, outcomeOf, type Reply, type Step } from "./trace.ts"

const hour = 3_600_000

export const promiseFace: Face = async ({ chance = [0.5], policy, steps, until = (steps.at(-1)?.at ?? 0) + hour }) => {
  const port = new VirtualPort()
  let drawn = 0
  const { at } = port
  Object.assign(port, {
    random: () => chance[drawn++ % chance.length]!,
    at: (delay: number, fire: () => void) => at(delay > 0 ? delay : -1, fire) // of no time: before all that falls due now
  })
  const dependency = new Dependency("x", policy, new Timers(port))
  const api = new Api(dependency)
  const recorder = new Recorder(port.now)
  recorder.listen((type, listener) => api.on(type, listener))
  const callers = new Map<string, AbortController>()
  let endChaos = () => {}

  const work = (name: string, reply: Reply, { attempt, deadline, signal }: AttemptContext): unknown => {
    recorder.begins(name, attempt, deadline)
    if (reply.after === 0) {
      recorder.ends(name, attempt)
      const { ok, value } = outcomeOf(reply, port.epoch())
      if (ok) return value
      throw value
    }
    const { promise, reject, resolve } = Promise.withResolvers<unknown>()
    const end = (ok: boolean, value: unknown) => {
      recorder.ends(name, attempt)
      if (ok) resolve(value)
      else reject(value)
    }
    const answer = port.at(reply.after, () => {
      const { ok, value } = outcomeOf(reply, port.epoch())
      end(ok, value)
    })
    signal.addEventListener("abort", () => {
      answer.cancel()
      recorder.stops(name, attempt)
      if (reply.deaf > 0) port.at(reply.deaf, () => end(false, signal.reason))
      else end(false, signal.reason)
    })
    return promise
  }

  const call = ({ breakerKey, deadline, fallback, idempotent, name, replies, weight }: CallStep): void => {
    recorder.asks(name)
    const caller = new AbortController()
    callers.set(name, caller)
    const answer = api.call((context) => work(name, replies[Math.min(context.attempt, replies.length) - 1]!, context), {
      operation: name, signal: caller.signal, breakerKey, deadline, idempotent, weight, fallback: fallback ? () => "instead" : undefined
    })
    answer.then((value) => recorder.hears(name, true, value), (error: unknown) => recorder.hears(name, false, error))
  }

  const apply = (step: Step): void => {
    switch (step.do) {
      case "call": return call(step)
      case "abort":
        if (recorder.leaves(step.name)) callers.get(step.name)!.abort(new Error("the caller left"))
        return
      case "isolate": return api.isolate()
      case "restore": return api.restore()
      case "update": return api.update(step.options)
      case "chaos":
        endChaos()
        if (step.faults !== null) endChaos = api.chaos(chaosScript(step.faults))
    }
  }

  for (const step of steps) {
    await port.pass(step.at - port.time)
    apply(step)
  }
  await port.pass(until - port.time)
  return recorder.run(dependency, port.waiting.length)
}
