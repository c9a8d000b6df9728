import { assert, describe, it } from "vitest"
import { type Chaos, chaosRates, chaosScript, type ChaosTarget } from "../../../src/core/call/chaos.ts"
import { refused } from "../options/refused.ts"

/** Whom a fault is for, with these chances one after the other. */
const target = (...chances: ReadonlyArray<number>): ChaosTarget => {
  const left = [...chances]
  return { dependency: "x", operation: undefined, attempt: 3, random: () => left.shift() ?? assert.fail("no more chance than that") }
}

describe("faults by chance", () => {
  const all = chaosRates({ latency: { rate: 0.4, by: 70 }, error: { rate: 0.3, with: "down" }, hang: { rate: 0.2 }, reject: { rate: 0.1 } })

  it.each<[title: string, chances: ReadonlyArray<number>, fault: ReturnType<Chaos>]>([
    ["a rejection is the first to come", [0.099], { reject: "breaker" }],
    ["then that it hangs", [0.1, 0.199], { hang: true }],
    ["then an error, at once", [0.1, 0.2, 0.299, 0.4], { error: { value: "down" }, latency: 0 }],
    ["or late", [0.1, 0.2, 0.299, 0.399], { error: { value: "down" }, latency: 70 }],
    ["then latency alone", [0.1, 0.2, 0.3, 0.399], { latency: 70 }],
    ["and mostly nothing", [0.1, 0.2, 0.3, 0.4], undefined]
  ])("%s", (_, chances, fault) => assert.deepStrictEqual(all(target(...chances)), fault))

  it("ask for no chance where there is no rate, and come always where it is 1", () => {
    assert.isUndefined(chaosRates({})(target()))
    assert.isUndefined(chaosRates({ reject: { rate: 0 }, hang: { rate: 0 }, error: { rate: 0 }, latency: { rate: 0, by: 5 } })(target()))
    assert.deepStrictEqual(chaosRates({ latency: { rate: 1, by: "1 second" } })(target(0.999999)), { latency: 1000 })
    assert.deepStrictEqual(chaosRates({ hang: { rate: 1 } })(target(0.999999)), { hang: true })
  })

  it("reject as they are told to", () => {
    for (const as of ["breaker", "bulkhead", "rate-limit"] as const) assert.deepStrictEqual(chaosRates({ reject: { rate: 1, as } })(target(0)), { reject: as })
    assert.deepStrictEqual(chaosRates({ reject: { rate: 1, as: undefined } })(target(0)), { reject: "breaker" })
  })

  it("fail with what they are told to, were it undefined, or else with an error that says so", () => {
    assert.deepStrictEqual(chaosRates({ error: { rate: 1, with: undefined } })(target(0)), { error: { value: undefined }, latency: 0 })
    const { error } = chaosRates({ error: { rate: 1 } })(target(0))!
    assert.instanceOf(error!.value, Error)
    assert.strictEqual((error!.value as Error).message, "chaos: x fails attempt 3")
  })

  it("read durations as their face writes them", () => {
    assert.deepStrictEqual(chaosRates({ latency: { rate: 1, by: "abc" } }, (duration) => String(duration).length)(target(0)), { latency: 3 })
  })

  it.each<[option: string, options: unknown, message: string]>([
    ["options", 5, "an object of options"], ["noise", { noise: 1 }, "left out: the options are latency, error, hang, reject"],
    ["latency", { latency: 5 }, "an object of options"], ["latency.ms", { latency: { ms: 5 } }, "left out: the options are rate, by"], ["latency.rate", { latency: { by: 5 } }, "a number from 0 to 1"],
    ["latency.by", { latency: { rate: 1, by: 0 } }, "above zero"], ["error.value", { error: { value: 1 } }, "left out: the options are rate, with"],
    ["error.rate", { error: { rate: 1.1 } }, "a number from 0 to 1"], ["hang.by", { hang: { by: 1 } }, "left out: the options are rate"], ["hang.rate", { hang: {} }, "a number from 0 to 1"],
    ["reject.with", { reject: { with: 1 } }, "left out: the options are rate, as"], ["reject.rate", { reject: { rate: -0.1 } }, "a number from 0 to 1"],
    ["reject.as", { reject: { rate: 1, as: "wall" } }, "breaker, bulkhead, rate-limit"]
  ])("refuse %s in %j", (option, options, message) => {
    const error = refused(() => chaosRates(options as never))
    assert.deepStrictEqual([error.policy, error.option], ["chaos", option])
    assert.include(error.message, message)
  })
})

describe("a hang", () => {
  it("has its rate and nothing else", () => {
    assert.strictEqual(refused(() => chaosRates({ hang: { rate: 1, by: 1 } } as never)).message, "chaos: hang.by is 1, but must be left out: the options are rate")
  })
})

describe("a script of faults", () => {
  it("is played once, in its order", () => {
    const play = chaosScript(["pass", "hang", { latency: 5 }, { latency: 0 }, { error: "down" }, { error: undefined, latency: "1 second" }, { reject: "bulkhead" }])
    assert.deepStrictEqual(Array.from({ length: 9 }, () => play(target())), [
      undefined, { hang: true }, { latency: 5 }, { latency: 0 }, { latency: 0, error: { value: "down" } }, { latency: 1000, error: { value: undefined } }, { reject: "bulkhead" },
      undefined, undefined
    ])
  })

  it("reads durations as its face writes them", () => {
    assert.deepStrictEqual(chaosScript([{ latency: "abc" }], (duration) => String(duration).length)(target()), { latency: 3 })
  })

  it.each<[option: string, step: unknown, message: string]>([
    ["script[1]", "fail", "an object of options"], ["script[1].wait", { wait: 5 }, "left out: the options are latency, error, reject"],
    ["script[1].latency", { latency: -1 }, "from zero"], ["script[1].latency", { error: 1, latency: "soon" }, "from zero"], ["script[1].reject", { reject: "wall" }, "breaker, bulkhead, rate-limit"]
  ])("refuses %s of %j", (option, step, message) => {
    const error = refused(() => chaosScript(["pass", step as never]))
    assert.deepStrictEqual([error.policy, error.option], ["chaos", option])
    assert.include(error.message, message)
  })
})
