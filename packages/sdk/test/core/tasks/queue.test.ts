import { assert, describe, it } from "vitest"
import { Queue as EffectQueue, Task as EffectTask } from "@outrigger/sdk"
import { InvalidOption, Queue } from "@outrigger/sdk/promise"
import * as Schema from "effect/Schema"
import { refilled } from "../../../src/core/tasks/queue.ts"

describe("a queue", () => {
  it("has the limits that it was given, in milliseconds, in both faces", () => {
    const limits = { concurrency: 10, rateLimit: { limit: 100, per: 60_000 } }
    assert.deepStrictEqual(Queue.make("mail", { concurrency: 10, rateLimit: { limit: 100, per: "1 minute" } }), { name: "mail", limits })
    assert.deepStrictEqual(EffectQueue.make("mail", { concurrency: 10, rateLimit: { limit: 100, per: "1 minute" } }), { name: "mail", limits })
    assert.deepStrictEqual(Queue.make("mail"), { name: "mail", limits: {} })
  })

  it("goes into the definition of its tasks, where a mere name brings no limits", () => {
    const definitionOf = (queue: string | EffectQueue.Queue) => EffectTask.make("t", { payload: { n: Schema.Int }, queue }).definition
    assert.deepInclude(definitionOf(EffectQueue.make("mail", { concurrency: 1 })), { queue: "mail", queueLimits: { concurrency: 1 } })
    assert.notProperty(definitionOf("mail"), "queueLimits")
  })

  it.each([
    ["", {}, 'Queue "": name is '],
    ["a b", {}, 'Queue "a b": name is a b, but must be 1 to 100 letters'],
    ["mail", { concurrency: 0 }, 'Queue "mail": concurrency is 0, but must be a whole number from 1 to 10000'],
    ["mail", { concurrency: 10_001 }, "concurrency is 10001"],
    ["mail", { concurrency: 1.5 }, "concurrency is 1.5"],
    ["mail", { rateLimit: { limit: 0, per: 1000 } }, "rateLimit.limit is 0, but must be a whole number from 1 to 1000000"],
    ["mail", { rateLimit: { limit: 1_000_001, per: 1000 } }, "rateLimit.limit is 1000001"],
    ["mail", { rateLimit: { limit: 1, per: 0.5 } }, "rateLimit.per is 0.5, but must be from 1 ms to 100 years"],
    ["mail", { rateLimit: { limit: 1, per: "soon" as "1 second" } }, "rateLimit.per is NaN"]
  ] as const)("%j with %j is refused", (name, options, message) => {
    for (const make of [Queue.make, EffectQueue.make]) {
      try {
        make(name, options)
      } catch (error) {
        assert.instanceOf(error, InvalidOption)
        assert.include(error.message, message)
        continue
      }
      assert.fail("it was taken")
    }
  })
})

describe("a bucket of starts", () => {
  const rate = { limit: 10, per: 1000 }
  it("is full at first, fills up steadily, and never beyond", () => {
    assert.deepStrictEqual(refilled(undefined, rate, 5), { tokens: 10, at: 5 })
    assert.deepStrictEqual(refilled({ tokens: 2, at: 0 }, rate, 300), { tokens: 5, at: 300 })
    assert.deepStrictEqual(refilled({ tokens: 2, at: 0 }, rate, 5000), { tokens: 10, at: 5000 })
  })
  it("loses nothing when a clock goes back", () => {
    assert.deepStrictEqual(refilled({ tokens: 2, at: 300 }, rate, 100), { tokens: 2, at: 100 })
  })
})
