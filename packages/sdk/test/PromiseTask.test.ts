import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as v from "valibot"
import { z } from "zod"
import { PromiseTask, TaskHandlers } from "@outrigger/sdk"
import { BreakerOpenError, InvalidOption, InvalidPayload, NonRetryable, Task } from "@outrigger/sdk/promise"

const contextOf = (shown: Array<unknown> = []): TaskHandlers.HandlerContext => ({
  id: "1", name: "t", attempt: 1, deadline: 0, fence: "1", metadata: {}, signal: new AbortController().signal,
  progress: (ratio, text) => Effect.sync(() => { shown.push([ratio, text]) })
})

/** What the executor sees of a promise handler. */
const handled = (handler: Task.TaskHandler) => Effect.gen(function*() {
  const services = yield* Layer.build(PromiseTask.fromHandler(handler).pipe(Layer.provideMerge(TaskHandlers.layer)))
  const { find } = yield* Effect.provideContext(Effect.map(TaskHandlers.TaskHandlers, (all) => all), services)
  return find(handler.definition.name, handler.definition.version)!
})

describe("a promise handler", () => {
  const schemas = {
    zod: z.object({ n: z.coerce.number().default(7) }),
    valibot: v.object({ n: v.optional(v.pipe(v.union([v.string(), v.number()]), v.transform(Number)), 7) }),
    effect: Schema.toStandardSchemaV1(Schema.Struct({ n: Schema.NumberFromString }))
  }

  for (const [library, payload] of Object.entries(schemas)) {
    it.effect(`takes a ${library} schema: enqueues what was given, and hands on what the schema makes of it`, () =>
      Effect.gen(function*() {
        const task = Task.make("double", { payload })
        assert.deepStrictEqual((yield* Effect.promise(() => task.encode({ n: "4" } as never))).payload, { n: "4" })
        const handler = yield* handled(task.handle(({ n }: { readonly n: number }) => n * 2))
        assert.strictEqual(yield* handler.run({ n: "4" }, contextOf()), 8)
      }).pipe(Effect.scoped))

    it(`refuses a payload that the ${library} schema refuses, with the path`, async () => {
      const error = await Task.make("double", { payload }).encode({ n: {} } as never).catch((error: unknown) => error)
      assert.instanceOf(error, InvalidPayload)
      assert.deepStrictEqual(error.issues[0]!.path, ["n"])
    })
  }

  const Plain = Task.make("plain", { payload: z.object({}) })
  for (const [what, thrown, tag] of [
    ["a NonRetryable ends it", new NonRetryable("no"), "Final"],
    ["an open breaker hands it back", new BreakerOpenError("payments", undefined, "open", 5000), "Unavailable"],
    ["any other error is tried again", new Error("boom"), "Retryable"],
    ["undefined is tried again", undefined, "Retryable"]
  ] as const) {
    it.effect(what, () => Effect.gen(function*() {
      const handler = yield* handled(Plain.handle(() => Promise.reject(thrown)))
      const failure = yield* Effect.flip(handler.run({}, contextOf()))
      assert.deepInclude(failure, { _tag: tag, cause: thrown })
    }).pipe(Effect.scoped))
  }

  it.effect("a payload that no longer fits ends it, for no repetition mends it", () => Effect.gen(function*() {
    const handler = yield* handled(Task.make("strict", { payload: z.object({ n: z.number() }) }).handle(() => 1))
    assert.deepInclude(yield* Effect.flip(handler.run({ n: "x" }, contextOf())), { _tag: "Final" })
  }).pipe(Effect.scoped))

  it.effect("is aborted when it is interrupted, and awaited", () => Effect.gen(function*() {
    const seen: Array<string> = []
    const handler = yield* handled(Plain.handle((_, { signal }) => new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        seen.push("aborted")
        setImmediate(() => {
          seen.push("settled")
          reject(signal.reason)
        })
      }))))
    const fiber = yield* Effect.forkChild(handler.run({}, contextOf()), { startImmediately: true })
    yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
    assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    assert.deepStrictEqual(seen, ["aborted", "settled"])
  }).pipe(Effect.scoped))

  it.effect("shows its progress", () => Effect.gen(function*() {
    const shown: Array<unknown> = []
    const handler = yield* handled(Plain.handle((_, { progress }) => progress(0.5, "half")))
    yield* handler.run({}, contextOf(shown))
    assert.deepStrictEqual(shown, [[0.5, "half"]])
  }).pipe(Effect.scoped))
})

describe("Task.make of the promise face", () => {
  it("infers what is given and what the handler gets", () => {
    const task = Task.make("infer", { payload: z.object({ n: z.coerce.number().default(1) }), success: z.string() })
    task.handle(({ n }) => n.toFixed())
    // @ts-expect-error the result must be the success schema's
    task.handle(({ n }) => n)
    // @ts-expect-error a payload that is no object
    void (() => task.encode(1))
    assert.strictEqual(task.name, "infer")
  })

  for (const [option, options] of [
    ["timeout", { timeout: "soon" }], ["timeout", { timeout: -1 }], ["priority", { priority: 10 }], ["queue", { queue: "" }],
    ["version", { version: 0 }], ["retry.times", { retry: { times: -1 } }], ["retry.base", { retry: { base: 10, max: 5 } }], ["payload", { payload: {} }]
  ] as const) {
    it(`refuses ${JSON.stringify(options)} when it is made, naming ${option}`, () => {
      try {
        Task.make("t", { payload: z.object({}), ...options as object })
        assert.fail("it was taken")
      } catch (error) {
        assert.instanceOf(error, InvalidOption)
        assert.strictEqual(error.option, option === "retry.base" ? "retry.max" : option)
      }
    })
  }

  it("gives the JSON Schema of its payload where the library has one", () => {
    const { definition } = Task.make("schema", { payload: z.object({ orderId: z.string() }) })
    assert.deepInclude(definition.payloadSchema as object, { type: "object", required: ["orderId"] })
    assert.isUndefined(Task.make("none", { payload: withoutJsonSchema }).definition.payloadSchema)
  })
})

const withoutJsonSchema = { "~standard": { version: 1, vendor: "own", validate: (value: unknown) => ({ value }) } } as const
