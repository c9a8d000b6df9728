/** Drives the Effect face through a trace, on a `TestClock` and with a policy in a registry of its own. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { Chaos, Policy } from "@outrigger/sdk"
import { Registry } from "../../src/core/registry.ts"
import type { Timers } from "../../src/core/time/timers.ts"
import { timersOf } from "../../src/internal/effectCall.ts"
import { turn } from "../support/virtual.ts"
import { type Face, Recorder, type Run } from "./observed.ts"
import { type CallStep, outcomeOf, type Reply, type Script, type Step } from "./trace.ts"

const hour = 3_600_000

/** The engine's timers on the clock of this test: with its chance, and counted. */
const watched = (chance: ReadonlyArray<number>): Effect.Effect<{ readonly timers: Timers; readonly waiting: () => number }> =>
  Effect.withFiber((fiber) => {
    const timers = timersOf(fiber.getRef(Clock.Clock), fiber.context)
    const { at } = timers.port
    const waiting = new Set<object>()
    let drawn = 0
    Object.assign(timers.port, {
      random: () => chance[drawn++ % chance.length]!,
      at: (delay: number, fire: () => void) => {
        const one = {}
        waiting.add(one)
        const handle = at(delay, () => { waiting.delete(one); fire() })
        return { ...handle, cancel: () => { waiting.delete(one); handle.cancel() } }
      }
    })
    return Effect.succeed({ timers, waiting: () => waiting.size })
  })

/** Turns of the loop, in which all that needs no time comes to rest. */
const settle = Effect.promise(async () => {
  for (let turns = 0; turns < 6; turns++) await turn()
})

/** All that falls due until then, in order. */
const pass = (millis: number) => Effect.andThen(settle, Effect.andThen(TestClock.adjust(millis), settle))

const driven = ({ chance = [0.5], policy: options, steps, until = (steps.at(-1)?.at ?? 0) + hour }: Script): Effect.Effect<Run> => Effect.gen(function*() {
  const { timers, waiting } = yield* watched(chance)
  const { port } = timers
  const context: Context.Context<never> = yield* Effect.context<never>()
  const registry = new Registry()
  const policy = Policy.fromRegistry(registry, "policy", "x", options, context)
  const dependency = registry.get("x")!
  dependency.lanesOn(timers) // on this clock from its first day, not from its first call
  const recorder = new Recorder(port.now)
  recorder.listen((type, listener) => policy.on(type, listener))
  const fibers = new Map<string, Fiber.Fiber<unknown, unknown>>()
  let endChaos = () => {}

  const outcome = (name: string, attempt: number, reply: Reply): Effect.Effect<unknown, unknown> => Effect.suspend(() => {
    recorder.ends(name, attempt)
    const { ok, value } = outcomeOf(reply, port.epoch())
    return ok ? Effect.succeed(value) : Effect.fail(value)
  })

  const work = (name: string, replies: ReadonlyArray<Reply>): Effect.Effect<unknown, unknown> => Effect.flatMap(Effect.all([Policy.Attempt, Policy.Deadline]), ([attempt, deadline]) => {
    const reply = replies[Math.min(attempt, replies.length) - 1]!
    recorder.begins(name, attempt, deadline)
    if (reply.after === 0) return outcome(name, attempt, reply)
    const answer = reply.after === Infinity ? Effect.never : Effect.andThen(Effect.sleep(reply.after), outcome(name, attempt, reply))
    return Effect.onInterrupt(answer, () => {
      recorder.stops(name, attempt)
      return Effect.andThen(reply.deaf > 0 ? Effect.sleep(reply.deaf) : Effect.yieldNow, Effect.sync(() => recorder.ends(name, attempt)))
    })
  })

  const call = ({ breakerKey, deadline, fallback, idempotent, name, replies, weight }: CallStep): void => {
    recorder.asks(name)
    const run = { operation: name, breakerKey, idempotent, weight }
    const guarded = fallback
      ? policy.run(work(name, replies), { ...run, fallback: () => Effect.succeed("instead") })
      : policy.run(work(name, replies), run)
    const fiber = Effect.runForkWith(context)(deadline === undefined ? guarded : Effect.provideService(guarded, Policy.Deadline, deadline))
    fibers.set(name, fiber)
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) recorder.hears(name, true, exit.value)
      else recorder.hears(name, false, Cause.squash(exit.cause))
    })
  }

  const apply = (step: Step): void => {
    switch (step.do) {
      case "call": return call(step)
      case "abort":
        if (recorder.leaves(step.name)) fibers.get(step.name)!.interruptUnsafe()
        return
      case "isolate": return policy.isolate()
      case "restore": return policy.restore()
      case "update": return policy.update(step.options)
      case "chaos":
        endChaos()
        if (step.faults !== null) endChaos = registry.provideChaos(Chaos.script(step.faults))
    }
  }

  let time = 0
  for (const step of steps) {
    yield* pass(step.at - time)
    time = step.at
    apply(step)
  }
  yield* pass(until - time)
  return recorder.run(dependency, waiting())
})

export const effectFace: Face = (script) =>
  Effect.runPromise(Effect.provide(driven(script), [TestClock.layer(), Logger.layer([])]) as Effect.Effect<Run>)
