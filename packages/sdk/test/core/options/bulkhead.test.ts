import { assert, describe, it } from "vitest"
import { type BulkheadOptions, readBulkhead } from "../../../src/core/options/bulkhead.ts"
import { Reader } from "../../../src/core/options/reader.ts"
import { refused } from "./refused.ts"

const read = (options: unknown) => readBulkhead(new Reader("payments"), options as BulkheadOptions<unknown>)

describe("the options of a bulkhead", () => {
  it.each<[title: string, options: BulkheadOptions, settings: ReturnType<typeof read>]>([
    ["no queue", { concurrency: 1 }, { concurrency: 1, adaptive: undefined, queue: 0, queueTimeout: Infinity }],
    ["a queue", { concurrency: 9, queue: 5, queueTimeout: "1 second" }, { concurrency: 9, adaptive: undefined, queue: 5, queueTimeout: 1000 }],
    ["measured", { adaptive: { initial: 7 } }, { concurrency: 7, adaptive: { initial: 7, min: 1, max: 200, tolerance: 1.5 }, queue: 0, queueTimeout: Infinity }]
  ])("are made whole: %s", (_, options, settings) => assert.deepStrictEqual(read(options), settings))

  it.each<[option: string, options: unknown, message: string]>([
    ["bulkhead", [], "an object of options"], ["bulkhead.concurrency", {}, "a whole number from 1"], ["bulkhead.concurrency", { concurrency: 0 }, "a whole number from 1"],
    ["bulkhead.concurrency", { concurrency: 5, adaptive: {} }, "left out beside bulkhead.adaptive"], ["bulkhead.queue", { concurrency: 1, queue: -1 }, "a whole number from 0"],
    ["bulkhead.queueTimeout", { concurrency: 1, queueTimeout: 0 }, "above zero"], ["bulkhead.size", { size: 1 }, "left out: the options are concurrency, adaptive, queue, queueTimeout"],
    ["bulkhead.adaptive", { adaptive: true }, "an object of options"], ["bulkhead.adaptive.most", { adaptive: { most: 5 } }, "left out: the options are initial, min, max, tolerance"],
    ["bulkhead.adaptive.min", { adaptive: { min: 5, max: 4 } }, "at most bulkhead.adaptive.max (4)"],
    ["bulkhead.adaptive.initial", { adaptive: { min: 5, max: 9, initial: 4 } }, "from bulkhead.adaptive.min (5) to bulkhead.adaptive.max (9)"]
  ])("refuse %s in %j", (option, options, message) => {
    const error = refused(() => read(options))
    assert.strictEqual(error.option, option)
    assert.include(error.message, message)
  })
})
