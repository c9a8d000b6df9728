/** What every `BreakerStore` promises, as tests that run over any of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { BreakerStore } from "@outrigger/sdk"

const minute = 60_000
let turn = 0

type Store = BreakerStore.Service
type Changes = Partial<BreakerStore.Exchange>

const base: BreakerStore.Exchange = {
  name: "payments", key: "", instance: "a", turn: 0, generation: 0, vote: false, action: "none", lease: minute, quorum: 0.5, minimumVotes: 2,
  openFor: minute
}

/** One process that remembers the generation it has seen. */
const processOf = (store: Store, instance: string, always: Changes = {}) => {
  let generation = 0
  const tell = (changes: Changes = {}) => Effect.map(
    Effect.suspend(() => store.exchange([{ ...base, instance, generation, turn: ++turn, ...always, ...changes }])),
    ([answer]) => {
      generation = answer!.generation
      return answer!
    }
  )
  return { tell }
}

/** Asks again until the answer is as awaited: the store's clock moves by itself. */
const until = <E>(ask: Effect.Effect<BreakerStore.SharedState, E>, good: (state: BreakerStore.SharedState) => boolean): Effect.Effect<BreakerStore.SharedState, E> =>
  Effect.flatMap(ask, (answer) => good(answer) ? Effect.succeed(answer) : Effect.andThen(Effect.yieldNow, until(ask, good)))

/** Some of it may have gone by, on a slow machine. */
const about = (left: number, expected: number): boolean => left > expected - 20_000 && left < expected + 1

const using = Effect.map(BreakerStore.BreakerStore, (store) => ({ store, join: (instance: string, always?: Changes) => processOf(store, instance, always) }))

/** One that is alone opens it, and it is over at once. */
const opened = (always: Changes = {}) => Effect.gen(function*() {
  const { join, store } = yield* using
  const a = join("a", always)
  yield* a.tell({ vote: true, openFor: 1 })
  return { store, a, join, b: join("b", always) }
})

/** Runs over `layer`, which is built anew for each test. */
export const suite = (name: string, layer: Layer.Layer<BreakerStore.BreakerStore, unknown>): void => {
  const test = (title: string, body: Effect.Effect<unknown, unknown, BreakerStore.BreakerStore>) =>
    it.live(title, () => body.pipe(Effect.provide(layer), Effect.orDie))

  describe(`${name}: votes`, () => {
    test("a breaker that nobody has heard of is closed", Effect.gen(function*() {
      const { join } = yield* using
      assert.deepStrictEqual(yield* join("a").tell(), { state: "closed", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false })
    }))

    test("one process that is alone opens by its own vote, for openFor", Effect.gen(function*() {
      const { join } = yield* using
      const answer = yield* join("a").tell({ vote: true })
      assert.deepInclude(answer, { state: "open", generation: 1, reason: "votes", reopenings: 0, probing: false })
      assert.isTrue(about(answer.left, minute))
    }))

    test("one of two opens nobody else, both open all", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b, c] = [join("a"), join("b"), join("c")]
      yield* b.tell()
      assert.strictEqual((yield* a.tell({ vote: true })).state, "closed")
      assert.strictEqual((yield* a.tell({ vote: true })).state, "closed")
      assert.strictEqual((yield* b.tell({ vote: true })).state, "open")
      assert.strictEqual((yield* c.tell()).state, "open")
    }))

    for (const [live, votes, quorum, minimumVotes, opens] of [
      [1, 1, 1, 5, true], [2, 1, 0.5, 1, true], [3, 1, 0.5, 1, false], [3, 2, 0.5, 2, true], [4, 2, 0.5, 2, true], [5, 2, 0.5, 2, false],
      [5, 2, 0.4, 2, true], [5, 2, 0.4, 3, false], [5, 3, 0.4, 3, true], [3, 2, 1, 2, false], [3, 3, 1, 2, true], [3, 1, 0.01, 2, false], [3, 2, 0.01, 2, true]
    ] as const) {
      test(`${votes} votes of ${live} alive ${opens ? "open" : "do not open"} with a quorum of ${quorum} and at least ${minimumVotes}`, Effect.gen(function*() {
        const { join } = yield* using
        const all = Array.from({ length: live }, (_, n) => join(`p${n}`, { quorum, minimumVotes }))
        for (const one of all) yield* one.tell()
        let state = "closed"
        for (const one of all.slice(0, votes)) {
          assert.strictEqual(state, "closed")
          state = (yield* one.tell({ vote: true })).state
        }
        assert.strictEqual(state, opens ? "open" : "closed")
      }))
    }

    test("who was not heard of for its lease does not count any more", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b] = [join("a"), join("b", { lease: 200 })]
      yield* b.tell()
      assert.strictEqual((yield* a.tell({ vote: true })).state, "closed")
      yield* until(a.tell({ vote: true }), ({ state }) => state === "open")
    }))

    test("a vote that is over does not join with another", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b, c] = [join("a"), join("b", { lease: 5 }), join("c")]
      const [clock, other] = [join("b", { name: "clock", lease: 5 }), join("a", { name: "clock", vote: true, quorum: 1 })]
      for (const one of [a, c]) yield* one.tell()
      yield* b.tell({ vote: true })
      yield* clock.tell()
      yield* until(other.tell(), ({ state }) => state === "open") // since it is alone: by then the vote is over too
      assert.strictEqual((yield* a.tell({ vote: true })).state, "closed")
    }))

    test("who has no calls has no say", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b] = [join("a"), join("b")]
      assert.strictEqual((yield* a.tell({ vote: true, lease: 0 })).state, "closed")
      yield* b.tell({ lease: 0 })
      assert.strictEqual((yield* a.tell({ vote: true })).state, "open")
    }))

    test("a vote is taken back", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b, c] = [join("a"), join("b"), join("c")]
      for (const one of [a, b, c]) yield* one.tell()
      yield* a.tell({ vote: true })
      yield* a.tell()
      assert.strictEqual((yield* b.tell({ vote: true })).state, "closed")
      assert.strictEqual((yield* a.tell({ vote: true })).state, "open")
    }))

    test("who leaves takes its vote along, and does not count", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b, c] = [join("a"), join("b"), join("c")]
      for (const one of [a, b, c]) yield* one.tell()
      yield* a.tell({ vote: true })
      yield* a.tell({ action: "leave", lease: 0 })
      assert.strictEqual((yield* b.tell({ vote: true })).state, "closed")
      yield* c.tell({ action: "leave", lease: 0 })
      assert.strictEqual((yield* b.tell({ vote: true })).state, "open")
    }))

    test("a vote of an earlier generation does not count", Effect.gen(function*() {
      const { a, b } = yield* opened()
      yield* a.tell({ action: "restore" })
      yield* b.tell()
      yield* a.tell({ vote: true, generation: 1 })
      assert.strictEqual((yield* b.tell({ vote: true })).state, "closed")
      assert.strictEqual((yield* a.tell({ vote: true })).state, "open")
    }))

    test("votes are void once it was closed", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b, c] = [join("a"), join("b"), join("c")]
      for (const one of [a, b, c]) yield* one.tell()
      for (const one of [a, b]) yield* one.tell({ vote: true })
      yield* b.tell({ action: "restore", lease: 0 })
      yield* c.tell()
      assert.strictEqual((yield* c.tell({ vote: true })).state, "closed")
    }))

    test("a request that was overtaken by a newer one of the same process changes nothing", Effect.gen(function*() {
      const { join, store } = yield* using
      const [a, b, c] = [join("a"), join("b"), join("c")]
      for (const one of [a, b, c]) yield* one.tell()
      const late = ++turn
      yield* a.tell()
      yield* store.exchange([{ ...base, turn: late, vote: true }])
      assert.strictEqual((yield* b.tell({ vote: true })).state, "closed")
      for (const action of ["isolate", "restore", "leave"] as const) {
        assert.deepInclude((yield* store.exchange([{ ...base, turn: late, action }]))[0], { state: "closed", generation: 0 })
      }
      assert.strictEqual((yield* a.tell({ vote: true })).state, "open")
    }))
  })

  describe(`${name}: probes`, () => {
    test("nobody may probe before openFor is over", Effect.gen(function*() {
      const { join } = yield* using
      const a = join("a")
      yield* a.tell({ vote: true })
      assert.deepInclude(yield* a.tell({ action: "probe" }), { state: "open", generation: 1, probing: false })
    }))

    test("nobody may probe what is closed", Effect.gen(function*() {
      const { join } = yield* using
      assert.deepInclude(yield* join("a").tell({ action: "probe" }), { state: "closed", generation: 0, probing: false })
    }))

    test("then one may, and nobody else while it has its lease", Effect.gen(function*() {
      const { a, b } = yield* opened()
      const mine = yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
      assert.deepInclude(mine, { state: "half-open", generation: 2, reason: "open-over", probing: true })
      assert.isTrue(about(mine.left, minute))
      yield* b.tell()
      assert.deepInclude(yield* b.tell({ action: "probe" }), { state: "half-open", generation: 2, probing: false })
    }))

    test("a lease is renewed in its generation, also to be shorter", Effect.gen(function*() {
      const { a } = yield* opened()
      yield* until(a.tell({ action: "probe", lease: 30_000 }), ({ probing }) => probing)
      const longer = yield* a.tell({ action: "probe" })
      assert.deepInclude(longer, { generation: 2, probing: true })
      assert.isAbove(longer.left, 31_000)
      assert.isBelow((yield* a.tell({ action: "probe", lease: 30_000 })).left, 30_001)
    }))

    test("a lease that is over is taken by another, in a new generation, and the verdict of who lost it is void", Effect.gen(function*() {
      const { a, b } = yield* opened()
      yield* until(a.tell({ action: "probe", lease: 1 }), ({ probing }) => probing)
      const other = yield* until(b.tell({ action: "probe" }), ({ probing }) => probing)
      assert.deepInclude(other, { state: "half-open", generation: 3, probing: true })
      assert.deepInclude(yield* a.tell({ action: "succeeded" }), { state: "half-open", generation: 3, probing: false })
      assert.deepInclude(yield* a.tell({ action: "succeeded" }), { state: "half-open", generation: 3, probing: false })
      assert.deepInclude(yield* a.tell({ action: "failed" }), { state: "half-open", generation: 3, probing: false })
    }))

    test("its success closes for all", Effect.gen(function*() {
      const { a, b } = yield* opened()
      yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
      const closed = { state: "closed", generation: 3, reason: "probes-succeeded", reopenings: 0, left: 0, probing: false } as const
      assert.deepStrictEqual(yield* a.tell({ action: "succeeded" }), closed)
      assert.deepStrictEqual(yield* b.tell(), closed)
    }))

    test("a verdict counts once", Effect.gen(function*() {
      const { a } = yield* opened()
      yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
      yield* a.tell({ action: "failed" })
      assert.deepInclude(yield* a.tell({ action: "failed", generation: 2 }), { state: "open", generation: 3, reopenings: 1 })
      assert.deepInclude(yield* a.tell({ action: "succeeded" }), { state: "open", generation: 3, reopenings: 1 })
    }))

    test("each failure opens for longer, at most max, and a close is a new beginning", Effect.gen(function*() {
      const { a } = yield* opened({ growth: { factor: 3, max: 80_000 } })
      const probed = until(a.tell({ action: "probe" }), ({ probing }) => probing)
      for (const [failures, longest] of [[1, 30_000], [2, 80_000], [1, 30_000]] as const) {
        for (let n = 1; n < failures; n++) yield* Effect.andThen(probed, a.tell({ action: "failed", openFor: 0.001 }))
        assert.strictEqual((yield* probed).reopenings, failures - 1)
        const { left, reason, reopenings, state } = yield* a.tell({ action: "failed", openFor: 10_000 })
        assert.deepStrictEqual([state, reason, reopenings], ["open", "probe-failed", failures])
        assert.isTrue(about(left, longest))
        assert.strictEqual((yield* a.tell({ action: "restore" })).reopenings, 0)
        yield* a.tell({ vote: true, openFor: 0.001 })
      }
    }))

    test("without growth each opening is as long", Effect.gen(function*() {
      const { a } = yield* opened()
      yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
      const { left, reopenings } = yield* a.tell({ action: "failed" })
      assert.strictEqual(reopenings, 1)
      assert.isTrue(about(left, minute))
    }))

    test("growth by any factor stays in range, however often it fails", Effect.gen(function*() {
      const growth = { factor: 1000, max: 10 }
      const { a } = yield* opened({ growth })
      for (let n = 1; n <= 120; n++) {
        yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
        yield* a.tell({ action: "failed", openFor: 0.001, growth: { factor: 1000, max: 0.001 } })
      }
      yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
      const { left, reopenings } = yield* a.tell({ action: "failed", openFor: minute, growth: { factor: 1000, max: 2 * minute } })
      assert.strictEqual(reopenings, 121)
      assert.isTrue(about(left, 2 * minute))
    }))

    test("who leaves lets another probe at once", Effect.gen(function*() {
      const { a, b } = yield* opened()
      yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
      yield* a.tell({ action: "leave", lease: 0 })
      yield* b.tell()
      assert.deepInclude(yield* b.tell({ action: "probe" }), { generation: 3, probing: true })
    }))

    test("of many who ask at once one may probe", Effect.gen(function*() {
      const { a, store } = yield* opened()
      const asked = Array.from({ length: 20 }, (_, n) =>
        Effect.suspend(() => store.exchange([{ ...base, instance: `p${n}`, turn: ++turn, generation: 1, action: "probe" }])))
      yield* until(a.tell(), ({ left }) => left === 0)
      const answers = (yield* Effect.all(asked, { concurrency: "unbounded" })).flat()
      assert.strictEqual(answers.filter(({ probing }) => probing).length, 1)
      assert.deepStrictEqual([...new Set(answers.map(({ generation, state }) => `${state} ${generation}`))], ["half-open 2"])
    }))
  })

  describe(`${name}: by hand`, () => {
    test("an isolation holds for all until it is restored", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b] = [join("a"), join("b")]
      assert.deepInclude(yield* a.tell({ action: "isolate", lease: 0 }), { state: "isolated", generation: 1, reason: "isolated" })
      assert.strictEqual((yield* b.tell({ vote: true })).state, "isolated")
      assert.strictEqual((yield* b.tell({ vote: true, action: "probe" })).state, "isolated")
      assert.deepInclude(yield* b.tell({ action: "restore", lease: 0 }), { state: "closed", generation: 2, reason: "restored" })
    }))

    test("isolating what is isolated changes nothing", Effect.gen(function*() {
      const { join } = yield* using
      const a = join("a")
      yield* a.tell({ action: "isolate" })
      assert.strictEqual((yield* a.tell({ action: "isolate" })).generation, 1)
    }))

    test("what is asked in an earlier generation is not done", Effect.gen(function*() {
      const { join } = yield* using
      const [a, b] = [join("a"), join("b")]
      yield* a.tell({ action: "isolate" })
      assert.deepInclude(yield* b.tell({ action: "restore" }), { state: "isolated", generation: 1 })
      assert.deepInclude(yield* b.tell({ action: "restore" }), { state: "closed", generation: 2 })
      assert.deepInclude(yield* a.tell({ action: "isolate", generation: 1 }), { state: "closed", generation: 2 })
    }))

    test("an isolation ends a probe, and a late verdict with it", Effect.gen(function*() {
      const { a, b } = yield* opened()
      yield* until(a.tell({ action: "probe" }), ({ probing }) => probing)
      yield* b.tell()
      yield* b.tell({ action: "isolate" })
      assert.deepInclude(yield* a.tell({ action: "succeeded" }), { state: "isolated", generation: 3, probing: false })
      assert.strictEqual((yield* a.tell({ action: "succeeded" })).state, "isolated")
    }))
  })

  describe(`${name}: many breakers`, () => {
    test("names and keys are apart, and answers come in the order of the requests", Effect.gen(function*() {
      const { store } = yield* using
      const names = [["z", ""], ["a", "é'\"\\"], ["a", ""], ["A", "\u{1F6F6}"], ["a", "b"]] as const
      const ask = (vote: (n: number) => boolean, generation: number) => store.exchange(
        names.map(([of, key], n) => ({ ...base, name: of, key, turn: ++turn, generation, vote: vote(n) })))
      yield* ask((n) => n === 1 || n === 3, 0)
      assert.deepStrictEqual((yield* ask(() => false, 0)).map(({ state }) => state), ["closed", "open", "closed", "open", "closed"])
    }))

    test("nothing asked is nothing answered", Effect.gen(function*() {
      const { store } = yield* using
      assert.deepStrictEqual(yield* store.exchange([]), [])
    }))

    test("two in one request, of two instances, see each other", Effect.gen(function*() {
      const { store } = yield* using
      const [first, second] = yield* store.exchange(["a", "b"].map((instance) => ({ ...base, instance, turn: ++turn, vote: true, minimumVotes: 2 })))
      assert.deepStrictEqual([first!.generation, second!.generation], [1, 1])
    }))

    test("no vote is lost when all vote at once, whatever the order of their breakers, and none waits for another for ever", Effect.gen(function*() {
      const { store } = yield* using
      const names = ["one", "two", "three", "four"]
      const instances = Array.from({ length: 8 }, (_, n) => `p${n}`)
      const say = (changes: Changes) => Effect.all(instances.map((instance, n) => {
        const order = [...names.slice(n % 4), ...names.slice(0, n % 4)]
        return store.exchange((n % 2 === 0 ? order : order.toReversed()).map((of) => ({ ...base, name: of, instance, turn: ++turn, quorum: 1, ...changes })))
      }), { concurrency: "unbounded" })
      yield* say({})
      yield* say({ vote: true })
      const after = yield* store.exchange(names.map((of) => ({ ...base, name: of, instance: "other", turn: ++turn, lease: 0 })))
      assert.deepStrictEqual(after.map(({ generation, state }) => `${state} ${generation}`), names.map(() => "open 1"))
    }))
  })
}
