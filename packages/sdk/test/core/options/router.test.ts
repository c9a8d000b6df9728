import { assert, describe, it } from "vitest"
import { Dependency } from "../../../src/core/dependency.ts"
import { readRouter } from "../../../src/core/options/router.ts"
import { virtual } from "../../support/virtual.ts"
import { refused } from "./refused.ts"

const { timers } = virtual()
const [a, b] = [new Dependency("a", {}, timers), new Dependency("b", {}, timers)]
const kind = { key: "api", dependencyOf: (value: unknown) => value instanceof Dependency ? value : undefined }
const read = (options: unknown, name: unknown = "r", millisOf?: (duration: unknown) => number) => readRouter(name as string, options as Parameters<typeof readRouter>[1], kind, millisOf)
const off = { strategy: "ordered", timeout: Infinity, leastTime: 0, maxTargets: 2, lastResort: 1000, criticality: "degrades" } as const

describe("the options of a router", () => {
  it.each<[title: string, options: object, settings: object]>([
    ["in order, all targets, and every second a last resort", {}, off],
    ["all that can be said", { strategy: "weighted", timeout: "2 seconds", leastTime: 5, maxTargets: 1, lastResort: "3 seconds", criticality: "critical" },
      { strategy: "weighted", timeout: 2000, leastTime: 5, maxTargets: 1, lastResort: 3000, criticality: "critical" }],
    ["nothing where it is false, and none of the least", { strategy: "random", timeout: false, leastTime: 0, maxTargets: 9, lastResort: false, criticality: "ignored" },
      { strategy: "random", timeout: Infinity, leastTime: 0, maxTargets: 9, lastResort: Infinity, criticality: "ignored" }],
    ["a last resort for every call", { lastResort: 0 }, { ...off, lastResort: 0 }]
  ])("are made whole: %s", (_, options, settings) => assert.deepStrictEqual(read({ targets: { a, b }, ...options }).settings, settings as never))

  it("take a target by itself, or with a weight and a check", () => {
    const check = () => undefined
    assert.deepStrictEqual(read({ targets: { one: a, two: { api: b, check } } }).targets, [
      { name: "one", handle: a, dependency: a, weight: 1, check: undefined }, { name: "two", handle: b, dependency: b, weight: 1, check }
    ])
    assert.deepStrictEqual(read({ strategy: "weighted", targets: { one: { api: a, weight: 0.5 }, two: b } }).targets.map(({ weight }) => weight), [0.5, 1])
    assert.strictEqual(read({ strategy: "random", targets: { one: { api: a, weight: 1e9 } } }).targets[0]!.weight, 1e9)
  })

  it("read durations as their face writes them", () => {
    assert.strictEqual(read({ targets: { a }, timeout: "abc", leastTime: 0, lastResort: false }, "r", (duration) => String(duration).length).settings.timeout, 3)
  })

  it("take a name that only begins or ends as a number, which JavaScript leaves where it is", () => {
    assert.deepStrictEqual(read({ targets: { "a1": a, "1a": b } }).targets.map(({ name }) => name), ["a1", "1a"])
    assert.deepStrictEqual(read({ targets: { "-1": a, "01": b } }).targets.map(({ name }) => name), ["-1", "01"])
    for (const name of ["0", "7", "10"]) assert.include(refused(() => read({ targets: { [name]: a } })).message, `targets is "${name}", but must be named by more than a number: JavaScript would move it to the front`)
  })

  it.each<[option: string, options: unknown, message: string]>([
    ["options", 5, "an object of options"], ["retries", { targets: { a }, retries: 2 }, "left out: the options are targets, strategy, timeout, leastTime, maxTargets, lastResort, criticality"],
    ["strategy", { targets: { a }, strategy: "best" }, "ordered, weighted, random"], ["targets", { targets: null }, "at least one target by its name"],
    ["targets", { targets: "a" }, "at least one target by its name"], ["targets", { targets: {} }, "at least one target by its name"],
    ["targets.a", { targets: { a: 5 } }, "an object of options"], ["targets.a.wait", { targets: { a: { api: a, wait: 5 } } }, "left out: the options are api, weight, check"],
    ["targets.a.api", { targets: { a: { weight: 1 } } }, 'targets.a.api is "undefined", but must be the api itself'],
    ["targets.a.api", { targets: { a: { api: 7 } } }, 'targets.a.api is "number", but must be the api itself'],
    ["targets.again", { targets: { first: a, again: { api: a } } }, 'targets.again is "a", but must be another dependency than that of first'],
    ["targets.a.weight", { targets: { a: { api: a, weight: 1 } } }, 'left out: only "weighted" and "random" have weights'],
    ...[0, -1, Infinity, Number.NaN, "2"].map((weight): [string, unknown, string] =>
      ["targets.a.weight", { strategy: "weighted", targets: { a: { api: a, weight } } }, "a number above zero, finite"]),
    ["timeout", { targets: { a }, timeout: 0 }, "above zero"], ["leastTime", { targets: { a }, leastTime: -1 }, "from zero"], ["maxTargets", { targets: { a }, maxTargets: 0 }, "a whole number from 1"],
    ["lastResort", { targets: { a }, lastResort: -1 }, "from zero"], ["criticality", { targets: { a }, criticality: "very" }, "critical, degrades, ignored"]
  ])("refuse %s in %#", (option, options, message) => {
    const error = refused(() => read(options))
    assert.deepStrictEqual([error.policy, error.option], ["r", option])
    assert.include(error.message, message)
  })

  it.each([[""], [" "], [5]])("refuse the name %j", (name) => {
    const error = refused(() => read({ targets: { a } }, name))
    assert.deepStrictEqual([error.option, error.message.endsWith("must be a name that is not empty")], ["name", true])
  })
})
