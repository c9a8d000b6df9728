import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Deadlines, type Expiring } from "../../src/internal/deadlines.ts"
import { monotonic } from "../../src/internal/ground.ts"

const bench = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const services = yield* Effect.context<never>()
  const deadlines = new Deadlines(clock, services)
  const expired: Array<readonly [string, number]> = []
  const join = (name: string, duration: number, then: () => void = () => {}): Expiring => {
    const member = { due: monotonic(clock) + duration, expire: () => { expired.push([name, clock.currentTimeMillisUnsafe()]); then() } }
    deadlines.join(duration, member)
    return member
  }
  return { deadlines, expired, join }
})

describe("Deadlines", () => {
  it.effect("expire each at its own time, whatever the others wait for", () => Effect.gen(function*() {
    const { expired, join } = yield* bench
    join("a", 1000)
    join("short", 300)
    yield* TestClock.adjust(400)
    join("b", 1000)
    yield* TestClock.adjust(5000)
    assert.deepStrictEqual(expired, [["short", 300], ["a", 1000], ["b", 1400]])
  }))

  it.effect("do not come to who has left, and come in time to who stands behind", () => Effect.gen(function*() {
    const { deadlines, expired, join } = yield* bench
    const first = join("first", 1000)
    yield* TestClock.adjust(100)
    join("second", 1000)
    deadlines.leave(1000, first)
    yield* TestClock.adjust(5000)
    assert.deepStrictEqual(expired, [["second", 1100]])
  }))

  it.effect("begin again with whoever joins while one expires", () => Effect.gen(function*() {
    const { expired, join } = yield* bench
    join("first", 1000, () => join("again", 1000))
    yield* TestClock.adjust(5000)
    assert.deepStrictEqual(expired, [["first", 1000], ["again", 2000]])
  }))

  it.effect("come to the others also when one of them throws", () => Effect.gen(function*() {
    const { expired, join } = yield* bench
    join("first", 1000, () => { throw new Error("no") })
    join("second", 1000)
    yield* TestClock.adjust(5000)
    assert.deepStrictEqual(expired.map(([name]) => name), ["first", "second"])
  }))

  it.effect("come to nobody once they are closed", () => Effect.gen(function*() {
    const { deadlines, expired, join } = yield* bench
    join("first", 1000)
    deadlines.close()
    yield* TestClock.adjust(5000)
    assert.deepStrictEqual(expired, [])
  }))
})
