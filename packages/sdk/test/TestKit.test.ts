import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { z } from "zod"
import { PromiseTask, Task, Tasks, TaskStore } from "@outrigger/sdk"
import { Task as PromiseFaceTask } from "@outrigger/sdk/promise"
import * as TestKit from "@outrigger/sdk/TestKit"

class Declined extends Schema.TaggedError<Declined>()("Declined", { code: Schema.Int }) {}

const Charge = Task.make("charge", {
  payload: { orderId: Schema.String, due: Schema.DateFromString }, success: Schema.NumberFromString, error: Declined,
  queue: "billing", timeout: "30 seconds", retry: { times: 2, base: "10 seconds" }
})
const Mail = Task.make("mail", { payload: { to: Schema.String } })

const due = new Date("2030-01-01T00:00:00Z")
const payload = { orderId: "W-1", due }

type Step = (context: Task.HandlerContext) => Effect.Effect<number, unknown, Tasks.Tasks>

/** A test whose handler of `Charge` takes these steps, one an attempt, and then gives its attempt. */
const test = (title: string, body: (rig: {
  readonly steps: Array<Step>
  /** Attempt and fence of every handler that began, and of those that were interrupted. */
  readonly began: Array<string>
  readonly interrupted: Array<string>
}) => Effect.Effect<unknown, unknown, TestKit.TestKit | Tasks.Tasks | TaskStore.TaskStore>) => {
  it.effect(title, () => {
    const rig = { steps: [] as Array<Step>, began: [] as Array<string>, interrupted: [] as Array<string> }
    const handlers = Charge.toLayer((_, context) => {
      const mark = `${context.attempt}/${context.fence}`
      rig.began.push(mark)
      return Effect.onInterrupt((rig.steps.shift() ?? (() => Effect.succeed(context.attempt)))(context), () => Effect.sync(() => rig.interrupted.push(mark)))
    })
    const kit = Layer.mergeAll(handlers, Mail.toLayer(() => Effect.void)).pipe(Layer.provideMerge(TestKit.layer))
    return body(rig).pipe(Effect.provide(kit))
  })
}

const defectOf = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.map(Effect.exit(effect), (exit) => Exit.isFailure(exit) ? Cause.squash(exit.cause) as Error : assert.fail("it passed"))

describe("what was enqueued", () => {
  test("is found by its decoded payload, and given typed", () => Effect.gen(function*() {
    const id = yield* Charge.enqueue(payload, { delay: "10 minutes", metadata: { tenant: "north" } })
    const task = yield* TestKit.assertEnqueued(Charge, {
      payload: { due }, queue: "billing", state: "scheduled", scheduledIn: "10 minutes", metadata: { tenant: "north" }, count: 1
    })
    assert.strictEqual(task.id, id)
    assert.strictEqual(task.payload.due.getTime(), due.getTime())
    yield* TestKit.assertEnqueued(Charge, { payload: ({ due }) => due.getUTCFullYear() === 2030 })
    yield* TestKit.refuteEnqueued(Charge, { payload: { due: new Date(0) } })
    yield* TestKit.refuteEnqueued(Mail)
  }))

  test("is shown beside what was asked for, as a defect", () => Effect.gen(function*() {
    yield* Charge.enqueue(payload)
    yield* Mail.enqueue({ to: "ada" })
    const missing = yield* defectOf(TestKit.assertEnqueued(Charge, { payload: { orderId: "W-2" }, scheduledIn: "1 hour" }))
    assert.instanceOf(missing, TestKit.TaskAssertionError)
    assert.strictEqual(missing.message, `No task "charge" fits; 1 was enqueued:

  task 1, ready: {"orderId":"W-1","due":"2030-01-01T00:00:00.000Z"}
                       asked for                   enqueued
    ≠ payload.orderId  "W-2"                       "W-1"
    ≠ scheduledAt      "1970-01-01T01:00:00.000Z"  "1970-01-01T00:00:00.000Z"

Enqueued too: 1 of "mail"`)
    const unwanted = yield* defectOf(TestKit.refuteEnqueued(Mail))
    assert.strictEqual(unwanted.message, '1 task "mail" was enqueued and should not be:\n\n  task 2, ready: {"to":"ada"}')
  }))

  test("is listed whole, by kind and by what is asked", () => Effect.gen(function*() {
    yield* Mail.enqueueMany([{ to: "ada" }, { to: "bob" }])
    yield* Charge.enqueue(payload)
    assert.deepStrictEqual((yield* TestKit.allEnqueued()).map(({ name }) => name), ["mail", "mail", "charge"])
    assert.deepStrictEqual((yield* TestKit.allEnqueued(Mail)).map((task) => task.payload.to), ["ada", "bob"])
    assert.deepStrictEqual((yield* TestKit.allEnqueued(Mail, { payload: { to: "bob" } })).map(({ id }) => id), ["2"])
    assert.strictEqual((yield* TestKit.task("3")).name, "charge")
    assert.strictEqual((yield* Effect.flip(TestKit.task("9")))._tag, "TaskNotFound")
    yield* TestKit.clear
    assert.deepStrictEqual(yield* TestKit.allEnqueued(), [])
  }))

  test("refuses a question that makes no sense", () => Effect.gen(function*() {
    assert.include((yield* defectOf(TestKit.assertEnqueued(Mail, { scheduledIn: "soon" as never }))).message, 'scheduledIn is "soon", but must be a duration')
    assert.include((yield* defectOf(TestKit.drain({ for: "soon" as never }))).message, 'drain: for is "soon", but must be a duration')
    assert.include((yield* defectOf(TestKit.drain({ limit: 0 }))).message, "drain: limit is 0")
  }))
})

describe("drain", () => {
  test("retries on the TestClock, and keeps every error", ({ steps }) => Effect.gen(function*() {
    steps.push(() => Effect.fail("payments is down"), () => Effect.die(new Error("a bug")))
    const id = yield* Charge.enqueue(payload)
    const first = yield* TestKit.drain()
    assert.deepInclude(first, { attempts: 1, retried: 1, failures: [{ id, name: "charge", attempt: 1, error: "payments is down" }] })
    assert.strictEqual((yield* TestKit.drain()).attempts, 0)
    yield* TestClock.adjust("10 seconds")
    const second = yield* TestKit.drain()
    assert.strictEqual(second.retried, 1)
    assert.strictEqual((second.failures[0]!.error as Error).message, "a bug")
    yield* TestClock.adjust("20 seconds")
    assert.strictEqual((yield* TestKit.drain()).succeeded, 1)
    assert.deepInclude(yield* TestKit.task(id), { state: "succeeded", result: "3" })
  }))

  test("moves the TestClock through all that is scheduled", ({ steps }) => Effect.gen(function*() {
    const times: Array<number> = []
    const now = () => Effect.map(Effect.clockWith((clock) => clock.currentTimeMillis), (at) => times.push(at))
    steps.push(now, now)
    yield* Charge.enqueue(payload, { delay: "1 day" })
    yield* Charge.enqueue(payload, { delay: "1 hour" })
    assert.strictEqual((yield* TestKit.drain({ for: "2 hours" })).succeeded, 1)
    assert.strictEqual((yield* TestKit.drain({ with: "scheduled" })).succeeded, 1)
    assert.deepStrictEqual(times, [3_600_000, 86_400_000])
  }))

  test("leaves a task dead for its typed error, and names what has no handler", ({ steps }) => Effect.gen(function*() {
    const Other = Task.make("other", { payload: {} })
    steps.push(() => Effect.fail(new Declined({ code: 51 })))
    const id = yield* Charge.enqueue(payload)
    yield* Other.enqueue({})
    assert.deepInclude(yield* TestKit.drain(), { died: 1, unhandled: ["other"] })
    assert.deepInclude((yield* TestKit.task(id)).failure, { name: "Declined", error: { _tag: "Declined", code: 51 } })
  }))

  test("times an attempt out when the clock passes its timeout", ({ interrupted, steps }) => Effect.gen(function*() {
    steps.push(() => Effect.never)
    yield* Charge.enqueue(payload)
    const draining = yield* Effect.forkChild(TestKit.drain())
    yield* TestClock.adjust("30 seconds")
    const { failures, retried } = yield* Fiber.join(draining)
    assert.deepStrictEqual([retried, interrupted], [1, ["1/1"]])
    assert.strictEqual((failures[0]!.error as Error).message, "Task timeout after 30s")
  }))

  test("keeps progress, and runs what tasks enqueue in turn", ({ steps }) => Effect.gen(function*() {
    steps.push(({ progress }) => progress(0.4, "half").pipe(Effect.andThen(Mail.enqueue({ to: "ada" })), Effect.as(1)))
    const id = yield* Charge.enqueue(payload)
    assert.strictEqual((yield* TestKit.drain()).succeeded, 2)
    assert.deepStrictEqual((yield* TestKit.task(id)).progress, { ratio: 0.4, text: "half" })
  }))

  test("interrupted, hands the task back and stops its handler", ({ interrupted, steps }) => Effect.gen(function*() {
    const started = yield* Deferred.make<void>()
    steps.push(() => Effect.andThen(Deferred.succeed(started, undefined), Effect.never))
    const id = yield* Charge.enqueue(payload)
    const draining = yield* Effect.forkChild(TestKit.drain())
    yield* Deferred.await(started)
    yield* Fiber.interrupt(draining)
    assert.deepStrictEqual(interrupted, ["1/1"])
    assert.deepInclude(yield* TestKit.task(id), { state: "ready", attempt: 0 })
  }))

  it.effect("runs handlers of the promise face too", () => {
    const Greet = PromiseFaceTask.make("greet", { payload: z.object({ name: z.string() }) })
    const kit = PromiseTask.fromHandler(Greet.handle(({ name }) => `hello ${name}`)).pipe(Layer.provideMerge(TestKit.layer))
    return Effect.gen(function*() {
      const [enqueued] = yield* Tasks.Tasks.use((tasks) => Effect.andThen(Effect.promise(() => Greet.encode({ name: "Ada" })), (task) => tasks.enqueue([task])))
      assert.strictEqual((yield* TestKit.drain()).succeeded, 1)
      assert.strictEqual((yield* TestKit.task(enqueued!.id)).result, "hello Ada")
    }).pipe(Effect.provide(kit))
  })

  it.live("waits by itself where there is no TestClock", () => Effect.gen(function*() {
    yield* Mail.enqueue({ to: "ada" }, { delay: 5 })
    assert.strictEqual((yield* TestKit.drain({ with: "scheduled" })).succeeded, 1)
  }).pipe(Effect.provide(Mail.toLayer(() => Effect.void).pipe(Layer.provideMerge(TestKit.layer)))))
})

describe("execute", () => {
  test("lets time go by until the task is over", ({ steps }) => Effect.gen(function*() {
    steps.push(() => Effect.fail("down"), () => Effect.fail("down"))
    yield* Mail.enqueue({ to: "ada" }, { delay: "1 day" })
    assert.strictEqual(yield* Charge.execute(payload), 3)
    yield* TestKit.assertEnqueued(Mail, { state: "scheduled" })
    steps.push(() => Effect.fail(new Declined({ code: 51 })))
    assert.deepStrictEqual(yield* Effect.flip(Charge.execute(payload)), new Declined({ code: 51 }))
  }))

  test("waits for a drain beside it", ({ steps }) => Effect.gen(function*() {
    const open = yield* Deferred.make<number>()
    steps.push(() => Deferred.await(open))
    const waiting = yield* Effect.forkChild(Charge.execute(payload))
    const [first] = yield* Effect.repeat(TestKit.allEnqueued(Charge), { until: (all) => all[0]?.state === "running" })
    const beside = yield* Effect.forkChild(Tasks.Tasks.use((tasks) => tasks.await(first!.id)))
    yield* Deferred.succeed(open, 7)
    assert.strictEqual(yield* Fiber.join(waiting), 7)
    assert.strictEqual((yield* Fiber.join(beside)).result, "7")
  }))

  test("says at once that a task's queue is paused", () => Effect.gen(function*() {
    yield* Charge.enqueue(payload, { delay: "1 second" })
    yield* TaskStore.TaskStore.use((store) => store.pauseQueue("billing"))
    assert.strictEqual((yield* defectOf(Charge.execute(payload))).message, 'Task 2 "charge" cannot end here: its queue "billing" is paused')
  }))

  test("says at once that a task has no handler", () => Effect.gen(function*() {
    const Other = Task.make("other", { payload: {} })
    assert.strictEqual((yield* defectOf(Other.execute({}))).message, 'Task 1 "other" cannot end here: the kit has no handler for it. Provide its layer')
  }))
})

describe("perform", () => {
  test("gives the decoded result, and tells the handler what it was told to", ({ steps }) => Effect.gen(function*() {
    let told: Task.HandlerContext | undefined
    steps.push((context) => Effect.sync(() => { told = context; return 7 }))
    const given = { id: "9", attempt: 2, fence: "5", deadline: 1, metadata: { tenant: "north" } }
    assert.strictEqual(yield* TestKit.perform(Charge, payload, given), 7)
    assert.deepInclude(told, { ...given, name: "charge" })
    assert.deepStrictEqual(yield* TestKit.allEnqueued(), [])
  }))

  test("fails with the typed error, decoded again", ({ steps }) => Effect.gen(function*() {
    const declined = new Declined({ code: 51 })
    steps.push(() => Effect.fail(declined))
    const error = yield* Effect.flip(TestKit.perform(Charge, payload))
    assert.instanceOf(error, Declined)
    assert.notStrictEqual(error, declined)
    assert.strictEqual(error.code, 51)
  }))

  for (const [what, cause, retryable] of [
    ["any other failure", "down", true], ["a NonRetryable", new Task.NonRetryable("no"), false]
  ] as const) {
    test(`fails with HandlerFailed for ${what}`, ({ steps }) => Effect.gen(function*() {
      steps.push(() => Effect.fail(cause))
      const error = yield* Effect.flip(TestKit.perform(Charge, payload))
      assert.instanceOf(error, TestKit.HandlerFailed)
      assert.deepStrictEqual([error.cause, error.retryable, error.message], [cause, retryable, `The handler of "charge" failed: ${cause instanceof Error ? cause.message : cause}`])
    }))
  }

  test("refuses a payload that its schema refuses", ({ began }) => Effect.gen(function*() {
    const error = yield* Effect.flip(TestKit.perform(Charge, { orderId: 7 as never, due }))
    assert.strictEqual(error._tag, "InvalidPayload")
    assert.deepStrictEqual(began, [])
  }))

  test("refuses a result that its schema refuses, as a defect", ({ steps }) => Effect.gen(function*() {
    steps.push(() => Effect.succeed("many" as never))
    assert.instanceOf(yield* defectOf(TestKit.perform(Charge, payload)), Error)
  }))

  it.effect("refuses a result that cannot be stored", () => {
    const Text = Task.make("text", { payload: {}, success: Schema.String })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(TestKit.perform(Text, {}))
      assert.strictEqual(error.message, 'The handler of "text" failed: result holds a NUL character (U+0000), which PostgreSQL cannot store')
    }).pipe(Effect.provide(Text.toLayer(() => Effect.succeed("\u0000")).pipe(Layer.provideMerge(TestKit.layer))))
  })

  test("says which handlers there are when there is none", () => Effect.gen(function*() {
    const Other = Task.make("other", { payload: {} })
    assert.strictEqual((yield* defectOf(TestKit.perform(Other, {}))).message,
      "The kit has no handler for task other v1: provide its layer above TestKit.layer; it has charge v1, mail v1")
  }))
})

describe("faults", () => {
  test("deliverTwice runs the task whole, and then with the smaller fence, which is refused", ({ began }) => Effect.gen(function*() {
    const id = yield* Charge.enqueue(payload)
    yield* TestKit.deliverTwice(id)
    assert.deepInclude(yield* TestKit.drain(), { attempts: 2, succeeded: 1, refused: 1 })
    assert.deepStrictEqual(began, ["2/2", "1/1"])
    assert.deepInclude(yield* TestKit.task(id), { result: "2", fence: "2" })
  }))

  test("loseLease interrupts the next attempt, and the task runs again", ({ began, interrupted, steps }) => Effect.gen(function*() {
    const signals: Array<AbortSignal> = []
    steps.push(({ signal }) => Effect.andThen(Effect.sync(() => signals.push(signal)), Effect.never))
    yield* TestKit.loseLease(yield* Charge.enqueue(payload))
    assert.deepInclude(yield* TestKit.drain(), { attempts: 2, succeeded: 1, refused: 1, failures: [] })
    assert.deepStrictEqual([began, interrupted, signals[0]!.aborted], [["1/1", "2/2"], ["1/1"], true])
  }))

  test("loseLease interrupts there and then while the handler runs", ({ interrupted, steps }) => Effect.gen(function*() {
    const started = yield* Deferred.make<void>()
    steps.push(() => Effect.andThen(Deferred.succeed(started, undefined), Effect.never))
    const id = yield* Charge.enqueue(payload)
    const draining = yield* Effect.forkChild(TestKit.drain())
    yield* Deferred.await(started)
    yield* TestKit.loseLease(id)
    assert.deepInclude(yield* Fiber.join(draining), { attempts: 2, succeeded: 1, refused: 1 })
    assert.deepStrictEqual(interrupted, ["1/1"])
  }))

  test("killWorker loses the outcome of the next attempt", ({ began, interrupted }) => Effect.gen(function*() {
    yield* Charge.enqueue(payload)
    yield* TestKit.killWorker
    assert.deepInclude(yield* TestKit.drain(), { attempts: 2, succeeded: 1, refused: 1 })
    assert.deepStrictEqual([began, interrupted], [["1/1", "2/2"], []])
  }))

  test("killWorker waits for no finalizer of the attempt at work", ({ steps }) => Effect.gen(function*() {
    const started = yield* Deferred.make<void>()
    const never = yield* Deferred.make<void>()
    steps.push(() => Effect.uninterruptible(Effect.andThen(Deferred.succeed(started, undefined), Effect.as(Deferred.await(never), 1))))
    yield* Charge.enqueue(payload)
    const draining = yield* Effect.forkChild(TestKit.drain())
    yield* Deferred.await(started)
    yield* TestKit.killWorker
    assert.deepInclude(yield* Fiber.join(draining), { attempts: 2, succeeded: 1, refused: 1 })
    yield* Deferred.succeed(never, undefined)
  }))

  test("a cancelled task interrupts its handler, whose outcome is refused", ({ interrupted, steps }) => Effect.gen(function*() {
    const started = yield* Deferred.make<void>()
    steps.push(() => Effect.andThen(Deferred.succeed(started, undefined), Effect.never))
    const id = yield* Charge.enqueue(payload)
    const draining = yield* Effect.forkChild(TestKit.drain())
    yield* Deferred.await(started)
    yield* Tasks.Tasks.use((tasks) => tasks.cancel(id))
    assert.deepInclude(yield* Fiber.join(draining), { attempts: 1, refused: 1 })
    assert.deepStrictEqual(interrupted, ["1/1"])
    assert.strictEqual((yield* Effect.flip(Tasks.Tasks.use((tasks) => tasks.cancel("9"))))._tag, "TaskNotFound")
  }))

  test("are refused for a task that is not there, or over", () => Effect.gen(function*() {
    assert.strictEqual((yield* defectOf(TestKit.deliverTwice("9"))).message, "There is no task with id 9")
    const id = yield* Mail.enqueue({ to: "ada" })
    yield* TestKit.drain()
    assert.include((yield* defectOf(TestKit.loseLease(id))).message, "which is succeeded, but must be asked for before the task is over")
  }))
})
