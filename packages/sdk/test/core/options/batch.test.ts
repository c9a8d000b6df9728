import { assert, describe, it } from "vitest"
import { type BatchOptions, readBatch } from "../../../src/core/options/batch.ts"
import { Reader } from "../../../src/core/options/reader.ts"
import { refused } from "./refused.ts"

const run = () => []
const read = (options: unknown) => readBatch(new Reader("github"), options as BatchOptions<unknown>)

describe("the options of a batch", () => {
  it.each<[title: string, options: BatchOptions, settings: ReturnType<typeof read>]>([
    ["none", {}, { maxSize: 100, delay: 0 }],
    ["all", { maxSize: 1, delay: "10 millis", idempotent: false }, { maxSize: 1, delay: 10 }],
    ["no delay, said", { delay: 0, idempotent: true }, { maxSize: 100, delay: 0 }]
  ])("are made whole: %s", (_, options, settings) => {
    assert.deepStrictEqual(read({ ...options, run }), settings)
    assert.deepStrictEqual(read({ ...options, run, key: (id: unknown) => id }), settings)
  })

  it.each<[option: string, options: unknown, message: string]>([
    ["batched", undefined, "an object of options"], ["batched.size", { run, size: 5 }, "left out: the options are maxSize, delay, idempotent, key, run"],
    ["batched.key", { run, key: "id" }, "a function"], ["batched.run", {}, "batched.run is undefined, but must be a function of the keys"], ["batched.run", { run: [] }, "a function of the keys"],
    ["batched.idempotent", { run, idempotent: "no" }, "true or false"], ["batched.maxSize", { run, maxSize: 0 }, "a whole number from 1"],
    ["batched.maxSize", { run, maxSize: Infinity }, "a whole number from 1"], ["batched.delay", { run, delay: -1 }, "from zero"]
  ])("refuse %s in %j", (option, options, message) => {
    const error = refused(() => read(options))
    assert.strictEqual(error.option, option)
    assert.include(error.message, message)
  })
})
