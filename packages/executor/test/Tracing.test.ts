import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as TestClock from "effect/testing/TestClock"
import { Task } from "@outrigger/sdk"
import { bench, taskOf } from "./bench.ts"

const Charge = Task.make("charge", { payload: {}, success: Schema.String, retry: { times: 0 }, timeout: "1 minute" })
const Mail = Task.make("mail", { payload: {} })
const parentId = (span: Tracer.Span) => span.parent._tag === "Some" ? span.parent.value.spanId : undefined

/** Everything that was traced while an order was charged by this handler. */
const traced = (handler: Effect.Effect<string, unknown>) => Effect.gen(function*() {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const main = bench(Charge.toLayer(() => handler)).pipe(Layer.provideMerge(Layer.succeed(Tracer.Tracer, tracer)))
  yield* Effect.gen(function*() {
    yield* Effect.withSpan(Charge.enqueue({}), "order")
    yield* TestClock.adjust("2 minutes")
  }).pipe(Effect.provide(main))
  return { spans, order: spans.find(({ name }) => name === "order")!, task: spans.find(({ name }) => name === "task charge")! }
})

describe("tracing", () => {
  it.effect("runs each attempt in a span of the trace that enqueued it, which what it does continues", () => Effect.gen(function*() {
    const { order, spans, task } = yield* traced(Effect.as(Effect.withSpan(Effect.void, "pay"), "paid"))
    const pay = spans.find(({ name }) => name === "pay")!
    assert.deepStrictEqual([task.traceId, parentId(task), parentId(pay)], [order.traceId, order.spanId, task.spanId])
    assert.strictEqual(task.kind, "consumer")
    assert.deepInclude(Object.fromEntries(task.attributes), { "task.name": "charge", "task.queue": "default", "task.attempt": 1, "task.outcome": "Succeeded" })
  }))

  it.effect("ends the span with what the handler failed with", () => Effect.gen(function*() {
    const { task } = yield* traced(Effect.fail(new Error("no funds")))
    assert.include(task.status._tag === "Ended" ? String(task.status.exit) : "", "no funds")
    assert.strictEqual(task.attributes.get("task.outcome"), "Failed")
  }))

  it.effect("ends the span of an attempt that timed out as one that failed", () => Effect.gen(function*() {
    const { task } = yield* traced(Effect.never)
    assert.include(task.status._tag === "Ended" ? String(task.status.exit) : "", "Task timeout after 60s")
  }))

  it.effect("hands the trace on without a tracer too", () => {
    let mail = ""
    const handler = Charge.toLayer(() => Effect.map(Mail.encode({}), ({ metadata }) => {
      mail = metadata?.["traceparent"] ?? ""
      return "paid"
    }))
    return Effect.gen(function*() {
      const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      yield* Charge.enqueue({}, { metadata: { traceparent } })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(mail, traceparent)
    }).pipe(Effect.provide(bench(handler)))
  })

  it.effect("leaves metadata alone that names a trace, and tasks that belong to none", () => Effect.gen(function*() {
    const own = yield* Effect.withSpan(Charge.enqueue({}, { metadata: { traceparent: "own", tenant: "acme" } }), "order")
    assert.deepStrictEqual((yield* taskOf(own)).metadata, { traceparent: "own", tenant: "acme" })
    const none = yield* Charge.enqueue({})
    assert.isUndefined((yield* taskOf(none)).metadata)
  }).pipe(Effect.provide(bench(Layer.empty))))
})
