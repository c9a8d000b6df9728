import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Policy, Registry, Task, TaskHandlers, Tasks, TaskStore } from "@outrigger/sdk"
import { Executor } from "../src/index.ts"
import { bench, stateOf, taskOf } from "./bench.ts"

const Greet = Task.make("greet", {
  payload: { name: Schema.String },
  success: Schema.String,
  retry: { times: 2, base: "10 seconds", jitter: "none" },
  timeout: "1 minute"
})

describe("Executor", () => {
  it.effect("runs a task and gives its typed result to whoever waits", () =>
    Effect.gen(function*() {
      const waiting = yield* Effect.forkChild(Greet.execute({ name: "Ada" }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(waiting), "hello Ada")
    }).pipe(Effect.provide(bench(Greet.toLayer(({ name }) => Effect.succeed(`hello ${name}`))))))

  it.effect("tries a failing task again with its delays, and counts attempts from 1", () => {
    const starts: Array<readonly [number, number]> = []
    const handler = Greet.toLayer((_, { attempt }) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        starts.push([attempt, Math.round(now / 1000)])
        return attempt < 3 ? Effect.fail(new Error("not yet")) : Effect.succeed("at last")
      }))
    return Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* stateOf(id), "succeeded")
      assert.deepStrictEqual(starts.map(([attempt]) => attempt), [1, 2, 3])
      assert.isAtLeast(starts[1]![1] - starts[0]![1], 10)
      assert.isAtLeast(starts[2]![1] - starts[1]![1], 20)
    }).pipe(Effect.provide(bench(handler)))
  })

  it.effect("leaves a task dead after its last attempt, with what it died of", () =>
    Effect.gen(function*() {
      const waiting = yield* Effect.forkChild(Effect.flip(Greet.execute({ name: "Ada" })))
      yield* TestClock.adjust("5 minutes")
      const error = yield* Fiber.join(waiting)
      assert.instanceOf(error, Task.Dead)
      assert.deepStrictEqual([error.attempt, error.failure.message], [3, "boom"])
    }).pipe(Effect.provide(bench(Greet.toLayer(() => Effect.fail(new Error("boom")))))))

  it.effect("retries a defect, for a deploy may mend it", () =>
    Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("5 minutes")
      assert.deepInclude(yield* taskOf(id), { state: "dead", attempt: 3 })
    }).pipe(Effect.provide(bench(Greet.toLayer(() => Effect.die(new Error("a bug")))))))

  it.effect("ends a typed failure at once, and gives it to whoever waits as it was", () => {
    class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}
    const Judge = Task.make("judge", { payload: {}, error: Refused })
    return Effect.gen(function*() {
      const waiting = yield* Effect.forkChild(Effect.flip(Judge.execute({})))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(waiting)
      assert.instanceOf(error, Refused)
      assert.strictEqual(error.why, "no")
    }).pipe(Effect.provide(bench(Judge.toLayer(() => Effect.fail(new Refused({ why: "no" }))))))
  })

  it.effect("gives a task back for later when its handler snoozes: unspent, and not counted as a hand-back", () => {
    const starts: Array<number> = []
    const open = Object.assign(new Error("payments is open"), { _tag: "BreakerOpenError", retryAfter: 1000 })
    const handler = Greet.toLayer((_, { attempt }) => Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<string, Error> => {
      assert.strictEqual(attempt, 1)
      starts.push(now)
      if (starts.length <= 110) return Task.snooze("2 seconds", "the file is not there yet")
      return starts.length === 111 ? Effect.fail(open) : Effect.succeed("at last")
    }))
    return Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* taskOf(id), { state: "scheduled", attempt: 0 })
      yield* TestClock.adjust("5 minutes")
      assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 1 })
      assert.isAtLeast(starts[1]! - starts[0]!, 2000)
      assert.deepInclude((yield* Executor.Executor).counts(), { snoozed: 110, handedBack: 1 })
    }).pipe(Effect.provide(bench(handler)))
  })

  it.effect("ends a NonRetryable failure at once", () =>
    Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* taskOf(id), { state: "dead", attempt: 1 })
    }).pipe(Effect.provide(bench(Greet.toLayer(() => Effect.fail(new Task.NonRetryable("never")))))))

  it.effect("interrupts an attempt at its timeout, aborts its signal, and tries again", () => {
    let aborted = 0
    const handler = Greet.toLayer((_, { attempt, signal }) => {
      if (attempt > 1) return Effect.succeed("ok")
      signal.addEventListener("abort", () => aborted++)
      return Effect.never
    })
    return Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* stateOf(id), "running")
      yield* TestClock.adjust("20 seconds")
      assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 2 })
      assert.strictEqual(aborted, 1)
    }).pipe(Effect.provide(bench(handler)))
  })

  it.effect("interrupts after what was said at the enqueue, else by the task, else by whoever runs the executor", () => {
    const Unsaid = Task.make("unsaid", { payload: {}, retry: { times: 0 } })
    const Said = Task.make("said", { payload: {}, retry: { times: 0 }, timeout: "2 minutes" })
    const handlers = Layer.mergeAll(Unsaid.toLayer(() => Effect.never), Said.toLayer(() => Effect.never))
    return Effect.gen(function*() {
      const ids = [yield* Unsaid.enqueue({}), yield* Said.enqueue({}), yield* Said.enqueue({}, { timeout: "3 minutes" })]
      yield* TestClock.adjust("4 minutes")
      const messages = yield* Effect.forEach(ids, (id) => Effect.map(taskOf(id), ({ failure }) => failure?.message))
      assert.deepStrictEqual(messages, [60, 120, 180].map((seconds) => `Task timeout after ${seconds}s`))
    }).pipe(Effect.provide(bench(handlers, { timeout: "1 minute" })))
  })

  it.effect("calls an attempt timed out whose handler came to an end in spite of its interruption", () => {
    const Stubborn = Task.make("stubborn", { payload: {}, timeout: "1 minute", retry: { times: 0 } })
    return Effect.gen(function*() {
      const id = yield* Stubborn.enqueue({})
      yield* TestClock.adjust("65 seconds")
      assert.deepInclude((yield* taskOf(id)).failure, { name: "TaskTimeout", message: "Task timeout after 60s" })
    }).pipe(Effect.provide(bench(Stubborn.toLayer(() => Effect.uninterruptible(Effect.sleep("62 seconds"))))))
  })

  it.effect("annotates what a handler logs with its task, beside what its layer says", () => {
    const seen: Array<unknown> = []
    const logger = Logger.make<unknown, void>(({ fiber, message }) => { seen.push([message, fiber.getRef(References.CurrentLogAnnotations)]) })
    const handler = Greet.toLayer(() => Effect.as(Effect.log("greeting"), "hello")).pipe(
      Layer.provide(Layer.succeed(References.CurrentLogAnnotations, { region: "eu" }))
    )
    return Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, [[["greeting"], { region: "eu", task: "greet", id, attempt: 1 }]])
    }).pipe(Effect.provide(bench(handler).pipe(Layer.provideMerge(Logger.layer([logger])))))
  })

  it.effect("hands a task back, unspent, when a breaker lets nothing through", () => {
    const policy = Policy.make("payments-handback", { breaker: { failures: 1, openFor: "10 seconds" } })
    policy.isolate()
    const handler = Greet.toLayer(() => Policy.run(policy)(Effect.succeed("paid")))
    return Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* taskOf(id), { attempt: 0 })
      policy.restore()
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 1 })
    }).pipe(Effect.provide(bench(handler)))
  })

  it.effect("leaves a task unclaimed while the breaker of what it needs is open", () => {
    let runs = 0
    const Charge = Task.make("charge", { payload: {}, needs: ["payments"] })
    const handler = Charge.toLayer(() => Effect.sync(() => { runs++ }))
    return Effect.gen(function*() {
      const registry = yield* Registry.Registry
      const payments = registry.dependency("api", "payments", { breaker: { failures: 1, openFor: 1000 } })
      payments.isolate()
      const id = yield* Charge.enqueue({})
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([runs, yield* stateOf(id)], [0, "ready"])
      payments.restore()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([runs, yield* stateOf(id)], [1, "succeeded"])
    }).pipe(Effect.provide(bench(handler)))
  })

  it.effect("interrupts a running handler when its task is cancelled", () =>
    Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 second")
      yield* Tasks.Tasks.use((tasks) => tasks.cancel(id))
      const executor = yield* Executor.Executor
      assert.strictEqual(executor.running().length, 1)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(executor.running().length, 0)
      assert.strictEqual(yield* stateOf(id), "cancelled")
    }).pipe(Effect.provide(bench(Greet.toLayer(() => Effect.never)))))

  it.effect("shows progress while the handler runs", () =>
    Effect.gen(function*() {
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* taskOf(id)).progress, { ratio: 0.4, text: "rendering" })
    }).pipe(Effect.provide(bench(Greet.toLayer((_, context) =>
      Effect.andThen(context.progress(0.4, "rendering"), Effect.never)), { drainTimeout: 0 }))))

  it.effect("stops at once, and registers anew, when it was reaped", () => {
    const fences: Array<string> = []
    const handler = Greet.toLayer((_, { fence }) => {
      fences.push(fence)
      return Effect.never
    })
    return Effect.gen(function*() {
      const store = yield* TaskStore.TaskStore
      const executor = yield* Executor.Executor
      yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("1 second")
      const first = executor.worker()
      yield* store.deregister(first!)
      yield* TestClock.adjust("30 seconds")
      assert.notStrictEqual(executor.worker(), first)
      assert.deepStrictEqual(fences, ["1", "2"])
    }).pipe(Effect.provide(bench(handler, { drainTimeout: 0 })))
  })

  it.effect("is nobody any more once it has drained, for as long as its scope lives", () =>
    Effect.gen(function*() {
      const executor = yield* Executor.Executor
      assert.isString(executor.worker())
      yield* executor.drain
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(executor.worker())
      const id = yield* Greet.enqueue({ name: "Ada" })
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* stateOf(id), "ready")
    }).pipe(Effect.provide(bench(Greet.toLayer(() => Effect.succeed("hello"))))))

  it.effect("drains: lets what runs end, hands back the rest unspent, and leaves the store", () =>
    Effect.gen(function*() {
      const release = yield* Deferred.make<void>()
      const handler = Greet.toLayer(({ name }) => name === "quick" ? Effect.as(Deferred.await(release), "done") : Effect.never)
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(bench(handler), scope)
      const [quick, slow] = yield* Effect.all([Greet.enqueue({ name: "quick" }), Greet.enqueue({ name: "slow" })]).pipe(Effect.provideContext(services))
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(release, undefined)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(closing)
      const after = yield* Effect.all([taskOf(quick), taskOf(slow)]).pipe(Effect.provideContext(services))
      assert.deepStrictEqual(after.map(({ attempt, state }) => [state, attempt]), [["succeeded", 1], ["ready", 0]])
    }))

  it.effect("names the attempts that outlive their end", () => {
    const Stubborn = Task.make("stubborn", { payload: {}, timeout: "1 minute", retry: { times: 0 } })
    return Effect.gen(function*() {
      yield* Stubborn.enqueue({})
      yield* TestClock.adjust("65 seconds")
      const executor = yield* Executor.Executor
      assert.strictEqual(executor.stuck().length, 0)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(executor.stuck().map(({ task }) => task.name), ["stubborn"])
      yield* TestClock.adjust("5 minutes")
    }).pipe(Effect.provide(bench(Stubborn.toLayer(() => Effect.uninterruptible(Effect.sleep("3 minutes"))))))
  })

  it.effect("hands back what a claim took whose answer was lost", () =>
    Effect.gen(function*() {
      let lose = true
      const faulty = Layer.effect(TaskStore.TaskStore, Effect.map(TaskStore.TaskStore, (store) => ({
        ...store,
        claim: (request: TaskStore.ClaimRequest) => Effect.flatMap(store.claim(request), (tasks) => {
          if (!lose || tasks.length === 0) return Effect.succeed(tasks)
          lose = false
          return Effect.fail(new Task.StoreUnavailable("the connection was cut", true))
        })
      }))).pipe(Layer.provide(TaskStore.layerMemory))
      const main = Executor.layer().pipe(
        Layer.provide(Greet.toLayer(() => Effect.succeed("ok"))),
        Layer.provideMerge(Tasks.layerStore), Layer.provideMerge(faulty),
        Layer.provideMerge(Layer.mergeAll(TaskHandlers.layer, Registry.layer))
      )
      yield* Effect.gen(function*() {
        const id = yield* Greet.enqueue({ name: "Ada" })
        yield* TestClock.adjust("5 seconds")
        assert.isFalse(lose)
        assert.deepInclude(yield* taskOf(id), { state: "succeeded", attempt: 1, fence: "2" })
      }).pipe(Effect.provide(main))
    }))

  it.effect("keeps an outcome while the store is away, and writes it when it is back", () =>
    Effect.gen(function*() {
      let away = false
      const faulty = Layer.effect(TaskStore.TaskStore, Effect.map(TaskStore.TaskStore, (store) => ({
        ...store,
        settle: (worker: string, settlements: ReadonlyArray<TaskStore.Settlement>) =>
          Effect.suspend(() => away ? Effect.fail(new Task.StoreUnavailable("gone", true)) : store.settle(worker, settlements))
      }))).pipe(Layer.provide(TaskStore.layerMemory))
      const main = Executor.layer().pipe(
        Layer.provide(Greet.toLayer(() => Effect.sync(() => { away = true; return "ok" }))),
        Layer.provideMerge(Tasks.layerStore), Layer.provideMerge(faulty),
        Layer.provideMerge(Layer.mergeAll(TaskHandlers.layer, Registry.layer))
      )
      yield* Effect.gen(function*() {
        const id = yield* Greet.enqueue({ name: "Ada" })
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* stateOf(id), "running")
        away = false
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* stateOf(id), "succeeded")
      }).pipe(Effect.provide(main))
    }))
})
