import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Task, TaskStore } from "@outrigger/sdk"
import { Executor, type Hooks, type Middleware } from "../src/index.ts"
import { bench, taskOf } from "./bench.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}
const Greet = Task.make("greet", { payload: { name: Schema.String }, success: Schema.String, error: Refused, retry: { times: 2 }, timeout: "1 minute" })
const enqueued = Greet.enqueue({ name: "Ada" }, { metadata: { tenant: "acme" } })

/** The task after a minute and a second, run by this handler under these options. */
const outcome = (handler: Effect.Effect<string, unknown>, options: Executor.Options) => Effect.gen(function*() {
  const id = yield* enqueued
  yield* TestClock.adjust("61 seconds")
  return yield* taskOf(id)
}).pipe(Effect.provide(bench(Greet.toLayer(() => handler), options)))

describe("middleware", () => {
  it.effect("stands around every handler, the first outermost, and is given the task", () => Effect.gen(function*() {
    const steps: Array<string> = []
    const noted = (name: string): Middleware.Middleware => ({ metadata }, run) => Effect.suspend(() => {
      steps.push(`${name} of ${metadata?.["tenant"]}`)
      return Effect.ensuring(run, Effect.sync(() => steps.push(`${name} ends`)))
    })
    const task = yield* outcome(Effect.sync(() => { steps.push("handler"); return "hello" }), { middleware: [noted("outer"), noted("inner")] })
    assert.deepStrictEqual(steps, ["outer of acme", "inner of acme", "handler", "inner ends", "outer ends"])
    assert.deepInclude(task, { state: "succeeded", result: "hello" })
  }))

  it.effect("sees the handler's own error, which ends the task as if there were no middleware", () => Effect.gen(function*() {
    const seen: Array<unknown> = []
    const watch: Middleware.Middleware = (_, run) => Effect.tapError(run, (error) => Effect.sync(() => seen.push(error)))
    const task = yield* outcome(Effect.fail(new Refused({ why: "no" })), { middleware: [watch] })
    assert.instanceOf(seen[0], Refused)
    assert.deepInclude(task, { state: "dead", attempt: 1, failure: { name: "Refused", message: "", error: { _tag: "Refused", why: "no" } } })
  }))

  it.effect("fails the attempt with errors of its own, as a handler would", () => Effect.gen(function*() {
    const failing = (error: unknown): Middleware.Middleware => () => Effect.fail(error)
    const retried = yield* outcome(Effect.succeed("hello"), { middleware: [failing(new Error("no tenant"))] })
    assert.deepInclude(retried.failure, { name: "Error", message: "no tenant" })
    assert.isAbove(retried.attempt, 1)
    const dead = yield* outcome(Effect.succeed("hello"), { middleware: [failing(new Task.NonRetryable("unknown tenant"))] })
    assert.deepInclude(dead, { state: "dead", attempt: 1 })
    const snoozed = yield* outcome(Effect.succeed("hello"), { middleware: [failing(new Task.Snooze("1 hour"))] })
    assert.deepInclude(snoozed, { state: "scheduled", attempt: 0 })
  }))

  it.effect("is interrupted together with the handler", () => Effect.gen(function*() {
    let ended = 0
    const watch: Middleware.Middleware = (_, run) => Effect.onInterrupt(run, () => Effect.sync(() => { ended++ }))
    const task = yield* outcome(Effect.never, { middleware: [watch] })
    assert.deepStrictEqual([ended, task.failure?.message], [1, "Task timeout after 60s"])
  }))
})

describe("enter", () => {
  it.effect("stands around the beginning of each attempt; one that does not begin it fails the attempt", () => Effect.gen(function*() {
    let inside = false
    const entered = yield* outcome(Effect.sync(() => String(inside)), {
      enter: (_, begin) => { inside = true; begin(); inside = false }
    })
    assert.strictEqual(entered.result, "true")
    const never = yield* outcome(Effect.succeed("hello"), { enter: () => {} })
    assert.include(never.failure?.message, "enter must call begin at once")
    const thrown = yield* outcome(Effect.succeed("hello"), { enter: () => { throw new Error("no storage") } })
    assert.strictEqual(thrown.failure?.message, "no storage")
  }))
})

describe("hooks", () => {
  const all = (events: Array<Hooks.Event>): Hooks.Hooks => {
    const note = (event: Hooks.Event) => { events.push(event) }
    return { onClaimed: note, onStarted: note, onSettled: note, onStuck: note, onLeaseLost: note }
  }

  it.effect("are told what happens to a task, as data", () => Effect.gen(function*() {
    const events: Array<Hooks.Event> = []
    yield* outcome(Effect.as(Effect.sleep(250), "hello"), { hooks: all(events) })
    assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["Claimed", "Started", "Settled"])
    const settled = events[2] as Hooks.Settled
    assert.deepInclude(settled, { applied: true, took: 250 })
    assert.deepInclude(settled.settlement, { _tag: "Succeed", result: "hello" })
    assert.strictEqual(settled.task.name, "greet")
  }))

  it.effect("are told once of an attempt that is stuck", () => {
    const events: Array<Hooks.Event> = []
    const tags = () => events.map(({ _tag }) => _tag)
    const handler = Greet.toLayer((_, { attempt }) => attempt > 1 ? Effect.succeed("") : Effect.uninterruptible(Effect.as(Effect.sleep("3 minutes"), "")))
    return Effect.gen(function*() {
      yield* enqueued
      yield* TestClock.adjust("70 seconds")
      assert.deepStrictEqual(tags(), ["Claimed", "Started"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(tags(), ["Claimed", "Started", "Stuck"])
      yield* TestClock.adjust("5 minutes")
    }).pipe(Effect.provide(bench(handler, { hooks: all(events) })))
  })

  it.effect("are told that the lease was lost, once", () => {
    const events: Array<Hooks.Event> = []
    return Effect.gen(function*() {
      const store = yield* TaskStore.TaskStore
      const first = (yield* Executor.Executor).worker()
      yield* store.deregister(first!)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(events, [{ _tag: "LeaseLost", worker: first }])
    }).pipe(Effect.provide(bench(Greet.toLayer(() => Effect.succeed("")), { hooks: all(events) })))
  })

  it.effect("change nothing by throwing", () => Effect.gen(function*() {
    const fail = () => { throw new Error("a bug in a hook") }
    const task = yield* outcome(Effect.succeed("hello"), { hooks: { onClaimed: fail, onStarted: fail, onSettled: fail } })
    assert.strictEqual(task.state, "succeeded")
  }))
})
