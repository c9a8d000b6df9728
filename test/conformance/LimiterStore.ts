/** What every `LimiterStore` promises, as tests that run over any of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { LimiterStore } from "@outrigger/sdk"
import { Passing } from "../passing.ts"

/** Ten a second, and ten at once. */
const base: LimiterStore.AllotmentRequest = {
  name: "payments", limit: 10, window: 1000, burst: 10, process: "a", turn: 1, holds: 0, back: 0, least: 0, want: 0, lease: 10_000
}

const using = Effect.gen(function*() {
  const { take } = yield* LimiterStore.LimiterStore
  const pass = yield* Passing
  const turns = new Map<string, number>()
  return {
    take,
    pass,
    /** The next question of a process. */
    ask: (process: string, request: Partial<LimiterStore.AllotmentRequest>) => {
      const turn = (turns.get(process) ?? 0) + 1
      turns.set(process, turn)
      return take({ ...base, process, turn, ...request })
    }
  }
})

const all = (granted: number, rest: Partial<LimiterStore.Allotment> = {}): LimiterStore.Allotment =>
  ({ granted, kept: 0, retryAfter: 0, processes: 1, ...rest })

/** Runs over `layer`, which is built anew for each test. */
export const suite = (name: string, layer: Layer.Layer<LimiterStore.LimiterStore | Passing, unknown>): void => {
  const test = (title: string, body: Effect.Effect<unknown, unknown, LimiterStore.LimiterStore | Passing>) =>
    it.live(title, () => body.pipe(Effect.provide(layer), Effect.orDie))

  describe(`${name}: the bucket`, () => {
    test("is full at first, and gives what there is", Effect.gen(function*() {
      const { ask } = yield* using
      assert.deepStrictEqual(yield* ask("a", { want: 4 }), all(4))
      assert.deepStrictEqual(yield* ask("b", { want: 9 }), all(6, { retryAfter: 100, processes: 2 }))
      assert.deepStrictEqual(yield* ask("c", { want: 1 }), all(0, { retryAfter: 100, processes: 3 }))
    }))

    test("is refilled evenly, in whole weights, and to the brim only", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 10 })
      yield* ask("a", {})
      yield* pass(250)
      assert.deepStrictEqual(yield* ask("a", { want: 10 }), all(2, { retryAfter: 50 }))
      yield* pass(49)
      assert.deepStrictEqual(yield* ask("a", { want: 10 }), all(0, { retryAfter: 1 }))
      yield* pass(1)
      assert.deepStrictEqual(yield* ask("a", { want: 10 }), all(1, { retryAfter: 100 }))
      yield* ask("a", {})
      yield* pass(60_000)
      assert.deepStrictEqual(yield* ask("a", { want: 20 }), all(10, { retryAfter: 100 }))
    }))

    test("counts what is held as if it could be spent yet: it is full with it", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 10 })
      yield* pass(5000)
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(0, { retryAfter: 100, processes: 2 })) // a may spend all ten yet
      assert.deepStrictEqual(yield* ask("a", { holds: 4 }), all(0, { kept: 4, processes: 2 })) // it has spent six by now
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(0, { retryAfter: 100, processes: 2 })) // those come again from now on
      yield* pass(5000)
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(6, { retryAfter: 100, processes: 2 }))
    }))

    test("takes back what is given back, at once, and no more than was held", Effect.gen(function*() {
      const { ask } = yield* using
      yield* ask("a", { want: 10 })
      yield* ask("a", { holds: 2, back: 5 })
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(5, { retryAfter: 100, processes: 2 }))
      yield* ask("a", { back: 50 })
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(2, { retryAfter: 100, processes: 2 }))
    }))

    test("keeps limits of different names apart", Effect.gen(function*() {
      const { ask } = yield* using
      yield* ask("a", { want: 10 })
      assert.deepStrictEqual(yield* ask("a", { name: "mail", want: 10 }), all(10))
    }))
  })

  describe(`${name}: processes`, () => {
    test("that give no sign of life for the lease lose what they hold: room for it comes back with the refill, not before", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 10, lease: 1000 })
      yield* pass(999)
      assert.deepStrictEqual(yield* ask("b", { want: 1 }), all(0, { retryAfter: 100, processes: 2 }))
      yield* pass(1)
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(0, { retryAfter: 100 }))
      yield* pass(500)
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(5, { retryAfter: 100 }))
      assert.deepStrictEqual(yield* ask("a", { holds: 10, want: 1 }), all(0, { kept: 0, retryAfter: 100, processes: 2 }))
    }))

    test("expire in their order, each with the refill up to then", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 6, lease: 1000 })
      yield* ask("b", { want: 4, lease: 1200 })
      yield* pass(1300)
      assert.deepStrictEqual(yield* ask("c", { want: 10 }), all(3, { retryAfter: 100 }))
    }))

    test("renew their lease with every question", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 5 })
      for (let time = 0; time < 4; time++) {
        yield* pass(9000)
        assert.deepStrictEqual(yield* ask("a", { holds: 5 }), all(0, { kept: 5 }))
      }
    }))

    test("that leave are counted no more, and have given all back", Effect.gen(function*() {
      const { ask } = yield* using
      yield* ask("a", { want: 10 })
      assert.deepStrictEqual(yield* ask("a", { back: 10, lease: 0 }), all(0, { processes: 0 }))
      assert.deepStrictEqual(yield* ask("b", { want: 10 }), all(10))
    }))

    test("are not heard with a question that a later one has overtaken", Effect.gen(function*() {
      const { take } = yield* using
      yield* take({ ...base, turn: 2, want: 6 })
      for (const turn of [1, 2]) assert.strictEqual((yield* take({ ...base, turn, back: 6, want: 3 })).granted, 0)
      assert.deepStrictEqual(yield* take({ ...base, process: "b", want: 10 }), all(4, { retryAfter: 100, processes: 2 }))
      assert.deepStrictEqual(yield* take({ ...base, turn: 3, holds: 6 }), all(0, { kept: 6, processes: 2 }))
    }))
  })

  describe(`${name}: the line`, () => {
    test("gives all that is needed or nothing, and says when to come again", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 7 })
      yield* ask("a", {})
      assert.deepStrictEqual(yield* ask("b", { least: 5, want: 8 }), all(0, { retryAfter: 200, processes: 2 }))
      yield* pass(199)
      assert.deepStrictEqual(yield* ask("b", { least: 5, want: 8 }), all(0, { retryAfter: 1, processes: 2 }))
      yield* pass(1)
      assert.deepStrictEqual(yield* ask("b", { least: 5, want: 8 }), all(5, { retryAfter: 500, processes: 2 }))
    }))

    test("lets nobody take what somebody before them waits for", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 10 })
      yield* ask("a", {})
      yield* ask("heavy", { least: 8, want: 8 })
      yield* pass(300)
      assert.deepStrictEqual(yield* ask("light", { least: 1, want: 1 }), all(0, { retryAfter: 600, processes: 3 }))
      assert.deepStrictEqual(yield* ask("a", { want: 1 }), all(0, { retryAfter: 700, processes: 3 }))
      yield* pass(500)
      assert.deepStrictEqual(yield* ask("light", { least: 1, want: 1 }), all(0, { retryAfter: 100, processes: 3 }))
      assert.deepStrictEqual(yield* ask("heavy", { least: 8, want: 8 }), all(8, { processes: 3 }))
      yield* pass(100)
      assert.deepStrictEqual(yield* ask("light", { least: 1, want: 1 }), all(1, { processes: 3 }))
    }))

    test("gives those of one moment their turn by their names", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("x", { want: 10 })
      yield* ask("x", {})
      yield* ask("b", { least: 1, want: 1 })
      yield* ask("a", { least: 1, want: 1 })
      yield* pass(100)
      assert.strictEqual((yield* ask("b", { least: 1, want: 1 })).granted, 0)
      assert.strictEqual((yield* ask("a", { least: 1, want: 1 })).granted, 1)
    }))

    test("forgets who does not come again within a second of its time", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("x", { want: 10 })
      yield* ask("x", {})
      yield* ask("gone", { least: 10, want: 10 }) // to come again after a second
      yield* pass(1999)
      assert.strictEqual((yield* ask("b", { want: 1 })).granted, 0)
      yield* pass(1)
      assert.strictEqual((yield* ask("b", { want: 1 })).granted, 1)
    }))
  })

  describe(`${name}: settings`, () => {
    test("may change: what was spent stays spent", Effect.gen(function*() {
      const { ask, pass } = yield* using
      yield* ask("a", { want: 8 })
      yield* ask("a", {})
      assert.deepStrictEqual(yield* ask("a", { burst: 20, limit: 20, want: 20 }), all(12, { retryAfter: 50 }))
      yield* ask("a", { burst: 20, limit: 20 })
      assert.deepStrictEqual(yield* ask("a", { want: 1 }), all(0, { retryAfter: 1100 }))
      yield* pass(1100)
      assert.deepStrictEqual(yield* ask("a", { want: 1 }), all(1))
    }))

    test("that take turns, while a release is rolled out, make no weight out of nothing", Effect.gen(function*() {
      const { ask } = yield* using
      let granted = 0
      for (let turn = 0; turn < 10; turn++) {
        granted += (yield* ask("old", { want: 10 })).granted
        granted += (yield* ask("new", { burst: 30, want: 30 })).granted
      }
      assert.strictEqual(granted, 30)
    }))
  })
}
