/** What Effect's `RateLimiterStore` promises, as tests that run over Effect's own memory store and over ours. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { Passing } from "../passing.ts"

type Store = RateLimiter.RateLimiterStore["Service"]

const refillRate = Duration.millis(100)

const using = Effect.gen(function*() {
  const store = yield* RateLimiter.RateLimiterStore
  const pass = yield* Passing
  return {
    store,
    pass,
    limiter: yield* RateLimiter.make,
    fixed: (tokens: number, limit?: number, key = "k") => store.fixedWindow({ key, tokens, limit, refillRate }),
    bucket: (tokens: number, options: Partial<Parameters<Store["tokenBucket"]>[0]> = {}) =>
      store.tokenBucket({ key: "k", tokens, limit: 10, refillRate, allowOverflow: false, ...options }),
    consume: (tokens = 1, key = "k") => Effect.map(
      store.adaptiveConsume({ key, tokens, fallbackLimit: 10, fallbackWindow: Duration.seconds(1) }),
      ({ delay, epoch, phase }) => [phase, epoch, Duration.toMillis(delay)] as const
    ),
    feedback: (epoch: number, tokens: number, retryAfter: number | undefined, status = 429) => store.adaptiveFeedback({
      key: "k", epoch, tokens, status, retryAfter: retryAfter === undefined ? undefined : Duration.millis(retryAfter)
    })
  }
})

/** Runs over `layer`, which is built anew for each test. */
export const suite = (name: string, layer: Layer.Layer<RateLimiter.RateLimiterStore | Passing, unknown>): void => {
  const test = (title: string, body: Effect.Effect<unknown, unknown, RateLimiter.RateLimiterStore | Passing>) =>
    it.live(title, () => body.pipe(Effect.provide(layer), Effect.orDie))

  describe(`${name}: fixed windows`, () => {
    test("count what was taken, each token for its time", Effect.gen(function*() {
      const { fixed, pass } = yield* using
      assert.deepStrictEqual(yield* fixed(3, 10), [3, 300])
      assert.deepStrictEqual(yield* fixed(2, 10), [5, 500])
      yield* pass(499)
      assert.deepStrictEqual(yield* fixed(1, 10), [6, 101])
      yield* pass(101)
      assert.deepStrictEqual(yield* fixed(1, 10), [1, 100])
    }))
    test("take nothing beyond the limit, and say by how much it would be exceeded", Effect.gen(function*() {
      const { fixed } = yield* using
      yield* fixed(9, 10)
      assert.deepStrictEqual(yield* fixed(2, 10), [11, 900])
      assert.deepStrictEqual(yield* fixed(1, 10), [10, 1000])
      assert.deepStrictEqual(yield* fixed(1), [11, 1100]) // no limit: whoever is over waits
    }))
    test("keep keys apart, and fractions whole", Effect.gen(function*() {
      const { fixed } = yield* using
      assert.deepStrictEqual(yield* fixed(0.5, 10), [0.5, 50])
      assert.deepStrictEqual(yield* fixed(1, 10, "other"), [1, 100])
    }))
  })

  describe(`${name}: token buckets`, () => {
    test("are full at first, and are refilled in whole intervals that never begin anew", Effect.gen(function*() {
      const { bucket, pass } = yield* using
      assert.deepStrictEqual(yield* bucket(4), [6, 0])
      yield* pass(250)
      assert.deepStrictEqual(yield* bucket(1), [7, 50])
      yield* pass(40)
      assert.deepStrictEqual(yield* bucket(1), [6, 90])
      yield* pass(10)
      assert.deepStrictEqual(yield* bucket(1), [6, 0])
    }))
    test("hold their limit, and wait full without an interval running", Effect.gen(function*() {
      const { bucket, pass } = yield* using
      yield* bucket(1)
      yield* pass(150)
      assert.deepStrictEqual(yield* bucket(1), [9, 0])
    }))
    test("do not go below nothing, unless that is allowed", Effect.gen(function*() {
      const { bucket, pass } = yield* using
      yield* bucket(8)
      yield* pass(30)
      assert.deepStrictEqual(yield* bucket(3), [-1, 30])
      assert.deepStrictEqual(yield* bucket(2), [0, 30])
      assert.deepStrictEqual(yield* bucket(3, { allowOverflow: true }), [-3, 30])
      assert.deepStrictEqual(yield* bucket(1, { allowOverflow: true }), [-4, 30])
      yield* pass(500)
      assert.deepStrictEqual(yield* bucket(1), [0, 30])
    }))
    test("keep fractions whole, also of an interval", Effect.gen(function*() {
      const { bucket, pass } = yield* using
      assert.deepStrictEqual(yield* bucket(0.25), [9.75, 0])
      yield* bucket(5, { key: "thirds", limit: 3, refillRate: Duration.millis(1000 / 3), allowOverflow: true })
      for (let step = 1; step <= 30; step++) {
        yield* pass(101)
        const [remaining, elapsed] = yield* bucket(0, { key: "thirds", limit: 3, refillRate: Duration.millis(1000 / 3) })
        assert.strictEqual(remaining, Math.min(3, -2 + Math.floor(step * 0.303)))
        assert.isTrue(elapsed >= 0 && elapsed < 1000 / 3)
      }
    }))
    test("keep keys apart", Effect.gen(function*() {
      const { bucket } = yield* using
      yield* bucket(10)
      assert.deepStrictEqual(yield* bucket(1, { key: "other" }), [9, 0])
    }))
  })

  describe(`${name}: adaptive limits`, () => {
    test("are inactive until a 429 says how long to wait", Effect.gen(function*() {
      const { consume, feedback } = yield* using
      assert.deepStrictEqual(yield* consume(), ["inactive", 0, 0])
      yield* feedback(0, 1, 1000, 503)
      yield* feedback(0, 1, undefined)
      yield* feedback(3, 1, 1000) // of an epoch that never was
      assert.deepStrictEqual(yield* consume(), ["inactive", 0, 0])
      yield* feedback(0, 1, 1000)
      assert.deepStrictEqual(yield* consume(), ["cooldown", 0, 1000])
      assert.deepStrictEqual(yield* consume(1, "other"), ["inactive", 0, 0])
    }))
    test("cool down for the longest that was said, and then learn", Effect.gen(function*() {
      const { consume, feedback, pass } = yield* using
      yield* feedback(0, 1, 1000)
      yield* feedback(0, 1, 500)
      yield* pass(400)
      yield* feedback(0, 1, 700)
      assert.deepStrictEqual(yield* consume(), ["cooldown", 0, 700])
      yield* pass(700)
      assert.deepStrictEqual(yield* consume(2), ["learning", 1, 0])
      assert.deepStrictEqual(yield* consume(3), ["learning", 1, 0])
    }))
    test("learn how many pass in how long, and hold to that", Effect.gen(function*() {
      const { consume, feedback, pass } = yield* using
      yield* feedback(0, 1, 100)
      yield* pass(100)
      for (let call = 0; call < 5; call++) yield* consume()
      yield* pass(200)
      yield* feedback(1, 1, 200) // the fifth was refused: four in 400 ms
      assert.deepStrictEqual(yield* consume(), ["learned", 2, 200])
      for (let call = 0; call < 3; call++) assert.deepStrictEqual(yield* consume(), ["learned", 2, 200])
      assert.deepStrictEqual(yield* consume(), ["learned", 2, 600])
      yield* pass(10_000)
      assert.deepStrictEqual(yield* consume(), ["learned", 2, 0])
      yield* feedback(2, 1, 300) // what was learned is too much: from the beginning
      assert.deepStrictEqual(yield* consume(), ["cooldown", 2, 300])
    }))
    test("that learnt nothing cool down again; stale feedback is not heard", Effect.gen(function*() {
      const { consume, feedback, pass } = yield* using
      yield* feedback(0, 1, 100)
      yield* pass(100)
      yield* consume()
      yield* feedback(0, 1, 5000)
      assert.deepStrictEqual(yield* consume(), ["learning", 1, 0])
      yield* feedback(1, 2, 50)
      assert.deepStrictEqual(yield* consume(), ["cooldown", 1, 50])
    }))
    test("are forgotten a minute after they are over", Effect.gen(function*() {
      const { consume, feedback, pass } = yield* using
      yield* feedback(0, 1, 1000)
      yield* pass(60_999)
      assert.deepStrictEqual(yield* consume(), ["learning", 1, 0])
      yield* pass(61_000)
      assert.deepStrictEqual(yield* consume(), ["inactive", 0, 0])
      yield* feedback(1, 1, 1000)
      assert.deepStrictEqual(yield* consume(), ["inactive", 0, 0])
      yield* feedback(0, 1, -5) // nonsense is a millisecond
      assert.deepStrictEqual(yield* consume(), ["cooldown", 0, 1])
      yield* feedback(0, 1, 1e12) // and a lifetime is an hour
      assert.deepStrictEqual(yield* consume(), ["cooldown", 0, 3_600_000])
    }))
  })

  describe(`${name}: under Effect's RateLimiter`, () => {
    test("a fixed window lets its limit pass, refuses more, and says for how long", Effect.gen(function*() {
      const { limiter, pass } = yield* using
      const consume = limiter.consume({ key: "k", limit: 3, window: "3 seconds", algorithm: "fixed-window" })
      for (const remaining of [2, 1, 0]) assert.strictEqual((yield* consume).remaining, remaining)
      const { reason } = yield* Effect.flip(consume)
      assert.deepInclude(reason, { _tag: "RateLimitExceeded", key: "k", limit: 3, remaining: 0 })
      assert.strictEqual(reason._tag === "RateLimitExceeded" && Duration.toMillis(reason.retryAfter), 3000)
      yield* pass(3000)
      assert.strictEqual((yield* consume).remaining, 2)
    }))
    test("a token bucket delays by what is missing, in the order of the calls", Effect.gen(function*() {
      const { limiter, pass } = yield* using
      const consume = limiter.consume({ key: "k", limit: 2, window: "1 second", algorithm: "token-bucket", onExceeded: "delay" })
      const delays: Array<number> = []
      for (let call = 0; call < 5; call++) delays.push(Duration.toMillis((yield* consume).delay))
      assert.deepStrictEqual(delays, [0, 0, 500, 1000, 1500])
      yield* pass(600)
      assert.strictEqual(Duration.toMillis((yield* consume).delay), 1400)
    }))
  })
}
