import { assert, describe, it } from "vitest"
import { Reader } from "../../../src/core/options/reader.ts"
import { refused } from "./refused.ts"

const read = new Reader("payments")
const messageOf = (reading: () => unknown) => refused(reading).message

describe("a reader of options", () => {
  it("refuses with the policy, the option, the value and what is allowed", () => {
    const { message, option, policy } = refused(() => read.refuse("retry.times", "many", "a number"))
    assert.deepStrictEqual([policy, option, message], ["payments", "retry.times", 'payments: retry.times is "many", but must be a number'])
  })

  it.each([[null], [undefined], ["text"], [5], [true], [[]]])("takes %j for no options", (options) => {
    assert.strictEqual(refused(() => read.known("retry.", options, ["times"])).option, "retry")
    assert.match(messageOf(() => read.known("", options, [])), /^payments: options is .*, but must be an object of options, or false$/)
  })

  it("names an option that nobody knows, and those that there are", () => {
    read.known("retry.", { times: 1 }, ["times", "base"])
    read.known("retry.", {}, [])
    assert.strictEqual(messageOf(() => read.known("retry.", { times: 1, tiems: 2 }, ["times", "base"])), "payments: retry.tiems is 2, but must be left out: the options are times, base")
  })

  it("reads times above zero, or from zero where that is meant, up to what a timer holds", () => {
    assert.deepStrictEqual([read.millis("x", 0.001), read.millis("x", "2 seconds"), read.millis("x", 2 ** 31 - 1), read.millis("x", 0, "from zero")], [0.001, 2000, 2 ** 31 - 1, 0])
    for (const value of [0, -1, 2 ** 31, Number.NaN, Infinity, "soon", undefined, null]) {
      assert.match(messageOf(() => read.millis("wait", value)), /^payments: wait is .*, but must be milliseconds or a duration such as "30 seconds", above zero and at most 24 days$/)
    }
    assert.match(messageOf(() => read.millis("wait", -1, "from zero")), /"30 seconds", from zero and at most 24 days$/)
  })

  it("reads the durations of its face", () => {
    assert.strictEqual(new Reader("payments", (duration) => (duration as { readonly ms: number }).ms).millis("x", { ms: 7 }), 7)
  })

  it("reads a limit that may be off", () => {
    assert.deepStrictEqual([undefined, false, Infinity, 5].map((value) => read.limit("x", value)), [Infinity, Infinity, Infinity, 5])
    for (const value of [0, true, null, -Infinity]) assert.strictEqual(refused(() => read.limit("timeout", value)).option, "timeout")
  })

  it("reads whole numbers from the least on", () => {
    assert.deepStrictEqual([read.whole("x", 3, 3), read.whole("x", Number.MAX_SAFE_INTEGER, 0)], [3, Number.MAX_SAFE_INTEGER])
    for (const value of [2, 3.5, "3", Number.NaN, Infinity, 2 ** 53, undefined]) {
      assert.match(messageOf(() => read.whole("x", value, 3)), /^payments: x is .*, but must be a whole number from 3$/)
    }
  })

  it("reads numbers within their bounds", () => {
    assert.deepStrictEqual([1, 1.5, 2].map((value) => read.number("x", value, 1, 2)), [1, 1.5, 2])
    for (const value of [0.999, 2.001, Number.NaN, "1", undefined]) {
      assert.match(messageOf(() => read.number("x", value, 1, 2)), /^payments: x is .*, but must be a number from 1 to 2$/)
    }
  })

  it("reads one of a few words, what is true or false, and a function or none", () => {
    const one = () => 1
    assert.deepStrictEqual([read.oneOf("x", "b", ["a", "b"]), read.flag("x", true), read.flag("x", false)], ["b", true, false])
    assert.deepStrictEqual([read.optionalFunction("x", undefined), read.optionalFunction("x", one)], [undefined, one])
    assert.strictEqual(messageOf(() => read.oneOf("x", "c", ["a", "b"])), 'payments: x is "c", but must be a, b')
    assert.strictEqual(messageOf(() => read.flag("x", 1)), "payments: x is 1, but must be true or false")
    assert.strictEqual(messageOf(() => read.optionalFunction("x", { a: 1 })), 'payments: x is {"a":1}, but must be a function')
    assert.strictEqual(messageOf(() => read.optionalFunction("x", null)), "payments: x is null, but must be a function")
  })
})
