/** What every `TaskStore` promises, as tests that run over any of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { Task, TaskStore } from "@outrigger/sdk"

const base: TaskStore.NewTask = { name: "charge", version: 1, queue: "default", payload: { n: 1 }, priority: 5, delay: 0 }
/** A task to enqueue, with what a test changes of it. */
export const task = (changes: Partial<TaskStore.NewTask> = {}): TaskStore.NewTask => ({ ...base, ...changes })
export const route: TaskStore.Route = { name: "charge", version: 1, queue: "default" }
const failure = { name: "Error", message: "boom" }
const lease = 60_000

/** What the tests of one store need, under names that read. */
export const using = Effect.map(TaskStore.TaskStore, (store) => ({
  store,
  enqueue: (...tasks: ReadonlyArray<TaskStore.NewTask>) => Effect.map(store.enqueue(tasks), (all) => all.map(({ id }) => id)),
  worker: (duration = lease) => store.register({ name: "test", lease: duration }),
  claim: (worker: string, limit = 10, routes: ReadonlyArray<TaskStore.Route> = [route]) => store.claim({ worker, routes, limit }),
  get: (id: string) => Effect.map(store.find(id), Option.getOrThrow),
  /** Upkeep until it has done what is awaited: the store's clock moves by itself. */
  until: <A>(check: Effect.Effect<A | undefined, unknown>) => {
    const look: Effect.Effect<A, unknown> = Effect.flatMap(Effect.andThen(store.upkeep, check), (found) =>
      found === undefined ? Effect.andThen(Effect.yieldNow, look) : Effect.succeed(found))
    return look
  }
}))

/** Runs over `layer`, which is built anew for each test. */
export const suite = (name: string, layer: Layer.Layer<TaskStore.TaskStore, unknown>): void => {
  const test = (title: string, body: Effect.Effect<unknown, unknown, TaskStore.TaskStore>) =>
    it.live(title, () => body.pipe(Effect.provide(layer), Effect.orDie))

  describe(`${name}: enqueuing`, () => {
    test("gives ids in the order of the tasks, and finds each as it was given", Effect.gen(function*() {
      const { enqueue, get } = yield* using
      const [a, b] = yield* enqueue(task({ payload: { n: 1, text: "ä€𝄞" } }), task({ payload: [1, null, "x"], metadata: { tenant: "t1" } }))
      assert.deepInclude(yield* get(a!), { id: a!, name: "charge", queue: "default", state: "ready", attempt: 0, payload: { n: 1, text: "ä€𝄞" } })
      assert.deepInclude(yield* get(b!), { payload: [1, null, "x"], metadata: { tenant: "t1" } })
    }))

    test("keeps what each of many says apart, and that one says nothing", Effect.gen(function*() {
      const { enqueue, get } = yield* using
      const [plain, said, nothing, alike, too] = [
        ...yield* enqueue(
          task({ payload: { payload: 1 } }),
          task({ payload: [["x"]], priority: 0, delay: 60_000, expiresAfter: 1000, timeout: 5, concurrencyKey: "c", keyConcurrency: 2, metadata: { a: "1" } }),
          task({ payload: null })
        ),
        ...yield* enqueue(task({ payload: null }), task({ payload: [1] }))
      ]
      const [a, b, c, d, e] = [yield* get(plain!), yield* get(said!), yield* get(nothing!), yield* get(alike!), yield* get(too!)]
      assert.deepStrictEqual([a, b, c, d, e].map(({ payload }) => payload), [{ payload: 1 }, [["x"]], null, null, [1]])
      assert.deepStrictEqual([a, b, c, d, e].map(({ priority, state }) => [priority, state]), [[5, "ready"], [0, "scheduled"], [5, "ready"], [5, "ready"], [5, "ready"]])
      assert.deepStrictEqual([b.expiresAt! - b.runAt, b.concurrencyKey, b.metadata], [1000, "c", { a: "1" }])
      for (const other of [a, c, d, e]) assert.deepStrictEqual([other.expiresAt, other.concurrencyKey, other.metadata], [undefined, undefined, undefined])
    }))

    test("knows nothing of an id that was never given", Effect.gen(function*() {
      const { store } = yield* using
      for (const id of ["999999", "nonsense", "", "-1"]) assert.isTrue(Option.isNone(yield* store.find(id)))
    }))

    test("gives the same task for the same idempotency key and payload, also after it ended", Effect.gen(function*() {
      const { claim, store, worker } = yield* using
      const keyed = task({ idempotencyKey: "k1" })
      const [first] = yield* store.enqueue([keyed])
      assert.deepStrictEqual(yield* store.enqueue([keyed]), [{ id: first!.id, duplicate: true }])
      const w = yield* worker()
      const [claimed] = yield* claim(w)
      yield* store.settle(w, [{ _tag: "Succeed", id: claimed!.id, fence: claimed!.fence, result: 1 }])
      assert.deepStrictEqual(yield* store.enqueue([task({ idempotencyKey: "k1", payload: { n: 1 } })]), [{ id: first!.id, duplicate: true }])
    }))

    test("refuses an idempotency key with another payload, and enqueues nothing of that batch", Effect.gen(function*() {
      const { store } = yield* using
      yield* store.enqueue([task({ idempotencyKey: "k1" })])
      const error = yield* Effect.flip(store.enqueue([task({ payload: "other" }), task({ idempotencyKey: "k1", payload: { n: 2 } })]))
      assert.strictEqual(error._tag, "IdempotencyConflict")
      assert.strictEqual((yield* store.list({ limit: 10 })).tasks.length, 1)
    }))

    test("keeps one task for a unique key while it is not over, and makes another afterwards", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const unique = task({ uniqueKey: "u1" })
      const [first] = yield* enqueue(unique)
      assert.deepStrictEqual(yield* store.enqueue([task({ uniqueKey: "u1", payload: "other" })]), [{ id: first!, duplicate: true }])
      const w = yield* worker()
      const [claimed] = yield* claim(w)
      yield* store.settle(w, [{ _tag: "Die", id: claimed!.id, fence: claimed!.fence, failure }])
      const [second] = yield* store.enqueue([unique])
      assert.isFalse(second!.duplicate)
    }))

    test("remembers the idempotency key of a task that its unique key made a duplicate", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [first] = yield* enqueue(task({ uniqueKey: "u1" }))
      const both = task({ uniqueKey: "u1", idempotencyKey: "k1", payload: "other" })
      assert.deepStrictEqual(yield* store.enqueue([both]), [{ id: first!, duplicate: true }])
      const w = yield* worker()
      const [claimed] = yield* claim(w)
      yield* store.settle(w, [{ _tag: "Succeed", id: claimed!.id, fence: claimed!.fence, result: 1 }])
      assert.deepStrictEqual(yield* store.enqueue([both]), [{ id: first!, duplicate: true }])
      assert.strictEqual((yield* Effect.flip(store.enqueue([task({ idempotencyKey: "k1" })])))._tag, "IdempotencyConflict")
    }))

    test("makes one task when many enqueue the same key at once", Effect.gen(function*() {
      const { store } = yield* using
      for (const keyed of [task({ idempotencyKey: "race" }), task({ uniqueKey: "race" })]) {
        const all = yield* Effect.all(Array.from({ length: 8 }, () => store.enqueue([keyed])), { concurrency: "unbounded" })
        assert.strictEqual(new Set(all.map(([one]) => one!.id)).size, 1)
        assert.strictEqual(all.filter(([one]) => !one!.duplicate).length, 1)
      }
    }))

    test("keeps a unique key for as long as it is said to hold, whatever becomes of the task", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [first] = yield* enqueue(task({ uniqueKey: "u1" }))
      const w = yield* worker()
      const [claimed] = yield* claim(w)
      yield* store.settle(w, [{ _tag: "Succeed", id: claimed!.id, fence: claimed!.fence, result: 1 }])
      const again = (changes: Partial<TaskStore.NewTask>) => Effect.map(store.enqueue([task({ uniqueKey: "u1", ...changes })]), ([one]) => one!)
      assert.deepStrictEqual(yield* again({ uniqueStates: ["succeeded"], uniqueFor: 3_600_000 }), { id: first!, duplicate: true })
      assert.deepStrictEqual(yield* again({ uniqueStates: ["succeeded"] }), { id: first!, duplicate: true })
      const second = yield* again({ uniqueStates: ["running", "dead"] })
      assert.isFalse(second.duplicate)
      assert.isFalse((yield* again({ uniqueStates: ["running"] })).duplicate)
    }))

    test("runs no sooner than at its moment, and at once when that is over", Effect.gen(function*() {
      const { claim, enqueue, get, worker } = yield* using
      const moment = Date.UTC(2090, 0, 31, 8)
      const [late, now] = yield* enqueue(task({ runAt: moment }), task({ runAt: 1000 }))
      assert.deepInclude(yield* get(late!), { state: "scheduled", runAt: moment })
      assert.deepStrictEqual((yield* claim(yield* worker())).map(({ id }) => id), [now!])
    }))

    test("ends what began no attempt in its time, with the reason", Effect.gen(function*() {
      const { claim, enqueue, get, until, worker } = yield* using
      const [late, patient] = yield* enqueue(task({ expiresAfter: 1 }), task({ expiresAfter: 3_600_000 }))
      const dead = yield* until(Effect.map(get(late!), (found) => found.state === "dead" ? found : undefined))
      assert.strictEqual(dead.failure!.name, "Expired")
      assert.strictEqual(dead.attempt, 0)
      assert.deepStrictEqual((yield* claim(yield* worker())).map(({ id }) => id), [patient!])
    }))

    test("lets a task that has begun outlive its expiry", Effect.gen(function*() {
      const { claim, enqueue, get, store, until, worker } = yield* using
      const w = yield* worker()
      const [id] = yield* enqueue(task({ expiresAfter: 3_600_000 }), task({ expiresAfter: 1, delay: 3_600_000 }))
      const [claimed] = yield* claim(w)
      yield* store.settle(w, [{ _tag: "Retry", id: id!, fence: claimed!.fence, delay: 1, failure }])
      assert.strictEqual((yield* until(Effect.map(get(id!), (found) => found.state === "ready" ? found : undefined))).attempt, 1)
    }))

    test("hands a task's own timeout and concurrency key to whoever claims it", Effect.gen(function*() {
      const { claim, enqueue, get, worker } = yield* using
      const [id] = yield* enqueue(task({ timeout: 1234, concurrencyKey: "account-1", keyConcurrency: 2, uniqueKey: "u" }))
      assert.deepInclude(yield* get(id!), { concurrencyKey: "account-1", uniqueKey: "u" })
      const [claimed] = yield* claim(yield* worker())
      assert.deepInclude(claimed!, { id: id!, timeout: 1234, concurrencyKey: "account-1" })
    }))

    for (const [what, bad, tag] of [
      ["a NUL character", task({ payload: { a: ["x\u0000"] } }), "InvalidPayload"],
      ["half of a surrogate pair", task({ payload: "\uD800" }), "InvalidPayload"],
      ["a number that JSON cannot hold", task({ payload: { n: Number.NaN } }), "InvalidPayload"],
      ["more than 1 MiB", task({ payload: "x".repeat(1024 * 1024) }), "InvalidPayload"],
      ["a negative delay", task({ delay: -1 }), "InvalidOption"],
      ["a delay beyond a century", task({ delay: 1e15 }), "InvalidOption"],
      ["a moment beyond the year 9999", task({ runAt: 253_402_300_800_000 }), "InvalidOption"],
      ["an expiry of nothing", task({ expiresAfter: 0 }), "InvalidOption"],
      ["a timeout of nothing", task({ timeout: 0 }), "InvalidOption"],
      ["a timeout that no timer holds", task({ timeout: 2 ** 31 }), "InvalidOption"],
      ["a concurrency key without a character", task({ concurrencyKey: "" }), "InvalidOption"],
      ["no task at a time for a key", task({ concurrencyKey: "k", keyConcurrency: 0 }), "InvalidOption"],
      ["a unique state that is none", task({ uniqueKey: "k", uniqueStates: ["lost" as "dead"] }), "InvalidOption"],
      ["a priority over 9", task({ priority: 10 }), "InvalidOption"],
      ["a name with a space", task({ name: "a b" }), "InvalidOption"],
      ["a key without a character", task({ idempotencyKey: "" }), "InvalidOption"]
    ] as const) {
      test(`refuses ${what} before anything is written`, Effect.gen(function*() {
        const { store } = yield* using
        assert.strictEqual((yield* Effect.flip(store.enqueue([task(), bad])))._tag, tag)
        assert.strictEqual((yield* store.list({ limit: 10 })).tasks.length, 0)
      }))
    }

    test("refuses a payload that nests too deep, with the path", Effect.gen(function*() {
      const { store } = yield* using
      let deep: unknown = 1
      for (let level = 0; level < 300; level++) deep = [deep]
      const error = yield* Effect.flip(store.enqueue([task({ payload: { deep } })]))
      assert.instanceOf(error, Task.InvalidPayload)
      assert.strictEqual(error.issues[0]!.path[0], "deep")
    }))
  })

  describe(`${name}: waking`, () => {
    test("wakes who sleeps when it is told of tasks that it did not see come", Effect.gen(function*() {
      const { store, worker } = yield* using
      yield* store.sleeping(yield* worker(), true)
      yield* Effect.scoped(Effect.gen(function*() {
        const woken = yield* Queue.unbounded<void>()
        yield* store.onWake(() => { Queue.offerUnsafe(woken, undefined) })
        // Once may be for what came before anybody listened.
        yield* Effect.raceFirst(Effect.andThen(Queue.take(woken), Queue.take(woken)), Effect.forever(Effect.andThen(store.wake, Effect.yieldNow)))
      }))
    }))
  })

  describe(`${name}: claiming`, () => {
    test("gives the best priority first, and within one the oldest", Effect.gen(function*() {
      const { claim, enqueue, worker } = yield* using
      const [a, b, c, d] = yield* enqueue(task({ priority: 7 }), task(), task({ priority: 0 }), task())
      const w = yield* worker()
      const order: Array<string> = []
      for (let turn = 0; turn < 4; turn++) order.push(...(yield* claim(w, 1)).map(({ id }) => id))
      assert.deepStrictEqual(order, [c, b, d, a])
    }))

    test("starves nothing: of ten claims one takes the oldest, whatever its priority", Effect.gen(function*() {
      const { claim, enqueue, worker } = yield* using
      const [old] = yield* enqueue(task({ priority: 9 }), ...Array.from({ length: 12 }, () => task({ priority: 0 })))
      const w = yield* worker()
      const claimed: Array<string> = []
      for (let turn = 0; turn < 10; turn++) claimed.push(...(yield* claim(w, 1)).map(({ id }) => id))
      assert.strictEqual(claimed.indexOf(old!), 9)
    }))

    test("gives only what the worker can run: this name, this version, this queue", Effect.gen(function*() {
      const { claim, enqueue, worker } = yield* using
      const [wanted] = yield* enqueue(task(), task({ version: 2 }), task({ name: "other" }), task({ queue: "mail" }))
      const w = yield* worker()
      assert.deepStrictEqual((yield* claim(w)).map(({ id }) => id), [wanted])
    }))

    test("gives no task to two workers, however many ask at once", Effect.gen(function*() {
      const { claim, enqueue, worker } = yield* using
      yield* enqueue(...Array.from({ length: 100 }, (_, n) => task({ payload: n })))
      const workers = yield* Effect.all([worker(), worker(), worker(), worker()])
      const claimed = yield* Effect.all(workers.flatMap((w) => [claim(w, 20), claim(w, 20), claim(w, 20)]), { concurrency: "unbounded" })
      const ids = claimed.flat().map(({ id }) => id)
      assert.strictEqual(new Set(ids).size, ids.length)
    }))

    test("leaves a delayed task until it is due", Effect.gen(function*() {
      const { claim, enqueue, get, until, worker } = yield* using
      const [later, soon] = yield* enqueue(task({ delay: 3_600_000 }), task({ delay: 5 }))
      const w = yield* worker()
      const first = yield* until(Effect.map(claim(w), ([one]) => one))
      assert.strictEqual(first.id, soon)
      assert.strictEqual((yield* get(later!)).state, "scheduled")
    }))
  })

  describe(`${name}: concurrency keys`, () => {
    const keyed = (changes: Partial<TaskStore.NewTask> = {}) => task({ concurrencyKey: "k", ...changes })
    const succeed = ({ fence, id }: TaskStore.ClaimedTask): TaskStore.Settlement => ({ _tag: "Succeed", id, fence, result: null })
    const ids = (tasks: ReadonlyArray<TaskStore.ClaimedTask>) => tasks.map(({ id }) => id)

    test("run one of a key at a time, in the order of their enqueuing, and hold up nobody else", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [a, b, other, c] = yield* enqueue(keyed(), keyed({ name: "other" }), task(), keyed({ priority: 0 }))
      const w = yield* worker()
      const both = [route, { ...route, name: "other" }]
      const first = [...yield* claim(w, 10, both), ...yield* claim(w, 10, both)]
      assert.sameMembers(ids(first), [a, other])
      yield* store.settle(w, first.map(succeed))
      const second = yield* claim(w, 10, both)
      assert.deepStrictEqual(ids(second), [b])
      yield* store.settle(w, second.map(succeed))
      assert.deepStrictEqual(ids(yield* claim(w, 10, both)), [c])
      assert.deepStrictEqual(ids(yield* claim(w, 10, both)), [])
    }))

    test("run as many at a time as they say", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [a, b, c, d] = yield* enqueue(...Array.from({ length: 4 }, () => keyed({ keyConcurrency: 2 })))
      const w = yield* worker()
      const first = yield* claim(w)
      assert.deepStrictEqual(ids(first), [a, b])
      assert.deepStrictEqual(ids(yield* claim(w)), [])
      yield* store.settle(w, [succeed(first[1]!)])
      const second = yield* claim(w)
      assert.deepStrictEqual(ids(second), [c])
      yield* store.settle(w, [first[0]!, second[0]!].map(succeed))
      assert.deepStrictEqual(ids(yield* claim(w)), [d])
    }))

    for (const [how, end] of Object.entries({
      succeeds: ({ fence, id }, store, w) => store.settle(w, [{ _tag: "Succeed", id, fence, result: 1 }]),
      dies: ({ fence, id }, store, w) => store.settle(w, [{ _tag: "Die", id, fence, failure }]),
      "is tried again later": ({ fence, id }, store, w) => store.settle(w, [{ _tag: "Retry", id, fence, delay: 60_000, failure }]),
      "is tried again at once": ({ fence, id }, store, w) => store.settle(w, [{ _tag: "Retry", id, fence, delay: 0, failure }]),
      "is handed back": ({ fence, id }, store, w) => store.settle(w, [{ _tag: "HandBack", id, fence, delay: 60_000, reason: "" }]),
      "is cancelled": ({ id }, store) => store.cancel(id),
      "loses its worker": (_, store, w) => store.deregister(w)
    } satisfies Record<string, (task: TaskStore.ClaimedTask, store: TaskStore.Service, worker: string) => Effect.Effect<unknown, unknown>>)) {
      test(`pass on when the one that runs ${how}`, Effect.gen(function*() {
        const { claim, enqueue, store, until, worker } = yield* using
        const [first, second] = yield* enqueue(keyed(), keyed())
        const [w, next] = yield* Effect.all([worker(), worker()])
        const [running] = yield* claim(w)
        assert.strictEqual(running!.id, first)
        assert.deepStrictEqual(yield* claim(next), [])
        yield* end(running!, store, w)
        const claimed = yield* until(Effect.map(claim(next, 1), ([one]) => one))
        // What lost its worker was enqueued first, but it became ready last.
        assert.strictEqual(claimed.id, second)
      }))
    }

    test("pass on when a worker dies", Effect.gen(function*() {
      const { claim, enqueue, until, worker } = yield* using
      const [first, second] = yield* enqueue(keyed(), keyed())
      const [dying, living] = yield* Effect.all([worker(5), worker()])
      assert.deepStrictEqual(ids(yield* claim(dying)), [first])
      const claimed = yield* until(Effect.map(claim(living), ([one]) => one))
      assert.strictEqual(claimed.id, second)
    }))

    test("wait for nobody who runs something that this worker cannot", Effect.gen(function*() {
      const { claim, enqueue, store, until, worker } = yield* using
      const [first, second, third] = yield* enqueue(keyed(), keyed({ queue: "mail" }), keyed())
      const [w, postman] = yield* Effect.all([worker(), worker()])
      const mail = [{ ...route, queue: "mail" }]
      const mine = yield* claim(w)
      assert.deepStrictEqual(ids(mine), [first])
      assert.deepStrictEqual(yield* claim(postman, 10, mail), [])
      yield* store.settle(w, mine.map(succeed))
      const [next] = yield* claim(w)
      assert.strictEqual(next!.id, third)
      yield* store.settle(w, [succeed(next!)])
      assert.strictEqual((yield* until(Effect.map(claim(postman, 10, mail), ([one]) => one))).id, second)
    }))

    test("show what waits for its key as ready, and count it", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [, second] = yield* enqueue(keyed(), keyed())
      yield* claim(yield* worker())
      assert.strictEqual((yield* get(second!)).state, "ready")
      assert.deepStrictEqual((yield* store.list({ limit: 10, state: "ready" })).tasks.map(({ id }) => id), [second])
      assert.deepInclude((yield* store.queues)[0], { ready: 1, running: 1 })
    }))

    test("never have two at once nor out of order, whoever claims and settles beside whom", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const all = yield* enqueue(...Array.from({ length: 120 }, (_, n) => keyed({ payload: n, concurrencyKey: `k${n % 4}` })))
      const running = new Map<string, number>()
      const last = new Map<string, number>()
      let done = 0
      const work = (w: string): Effect.Effect<void, unknown> => Effect.gen(function*() {
        while (done < all.length) {
          const claimed = yield* claim(w, 7)
          for (const { concurrencyKey: key = "", payload } of claimed) {
            running.set(key, (running.get(key) ?? 0) + 1)
            assert.strictEqual(running.get(key), 1)
            assert.isAbove(payload as number, last.get(key) ?? -1)
            last.set(key, payload as number)
          }
          yield* Effect.yieldNow
          for (const { concurrencyKey: key = "" } of claimed) running.set(key, running.get(key)! - 1)
          const ended = yield* store.settle(w, claimed.map(succeed))
          done += ended.length
        }
      })
      const workers = yield* Effect.all([worker(), worker()])
      yield* Effect.all(workers.flatMap((w) => [work(w), work(w)]), { concurrency: "unbounded" })
      assert.strictEqual(done, all.length)
    }))
  })

  describe(`${name}: fences`, () => {
    test("ends a task with its result, and shows what ran", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const w = yield* worker()
      const [claimed] = yield* claim(w)
      assert.deepInclude(claimed, { id: id!, attempt: 1, fence: "1", handbacks: 0 })
      assert.deepStrictEqual(yield* store.settle(w, [{ _tag: "Succeed", id: id!, fence: "1", result: { ok: true } }]), [id!])
      const after = yield* get(id!)
      assert.deepInclude(after, { state: "succeeded", result: { ok: true }, attempt: 1 })
      assert.isAtLeast(after.finishedAt!, after.startedAt!)
    }))

    test("applies no write of another worker, of another fence, or a second time", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const [mine, other] = yield* Effect.all([worker(), worker()])
      yield* claim(mine)
      const done = { _tag: "Succeed", id: id!, fence: "1", result: 1 } as const
      assert.deepStrictEqual(yield* store.settle(other, [done]), [])
      assert.deepStrictEqual(yield* store.settle(mine, [{ ...done, fence: "2" }]), [])
      assert.isFalse(yield* store.progress(mine, { id: id!, fence: "2", ratio: 0.5, text: "" }))
      assert.strictEqual((yield* get(id!)).state, "running")
      assert.deepStrictEqual(yield* store.settle(mine, [done]), [id!])
      assert.deepStrictEqual(yield* store.settle(mine, [done]), [])
    }))

    test("settles many at once, each by its own fate", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      yield* enqueue(task(), task(), task(), task())
      const w = yield* worker()
      const [a, b, c, d] = yield* claim(w)
      const applied = yield* store.settle(w, [
        { _tag: "Succeed", id: a!.id, fence: a!.fence, result: null },
        { _tag: "Die", id: b!.id, fence: b!.fence, failure },
        { _tag: "Retry", id: c!.id, fence: c!.fence, delay: 60_000, failure },
        { _tag: "HandBack", id: d!.id, fence: d!.fence, delay: 0, reason: "draining" }
      ])
      assert.strictEqual(applied.length, 4)
      assert.deepInclude(yield* get(a!.id), { state: "succeeded", result: null })
      assert.deepInclude(yield* get(b!.id), { state: "dead", failure })
      assert.deepInclude(yield* get(c!.id), { state: "scheduled", attempt: 1, failure })
      assert.deepInclude(yield* get(d!.id), { state: "ready", attempt: 0 })
    }))

    test("settles a task once, however often a batch has it", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [id, other] = yield* enqueue(task(), task())
      const w = yield* worker()
      yield* claim(w)
      const late = { _tag: "Die", id: id!, fence: "1", failure } as const
      yield* store.settle(w, [{ _tag: "HandBack", id: id!, fence: "1", delay: 0, reason: "" }])
      yield* claim(w)
      const applied = yield* store.settle(w, [
        late, { _tag: "Succeed", id: id!, fence: "2", result: 1 }, late, { _tag: "Succeed", id: other!, fence: "1", result: 2 },
        { _tag: "Succeed", id: other!, fence: "1", result: 3 }
      ])
      assert.sameMembers([...applied], [id!, other!])
      assert.deepInclude(yield* get(id!), { state: "succeeded", result: 1 })
      assert.deepInclude(yield* get(other!), { state: "succeeded", result: 2 })
    }))

    test("raises the fence with every claim, and counts attempts and hand-backs apart", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* enqueue(task())
      const w = yield* worker()
      const seen: Array<readonly [string, number, number]> = []
      for (const _tag of ["Retry", "HandBack", "Retry"] as const) {
        const [one] = yield* claim(w)
        seen.push([one!.fence, one!.attempt, one!.handbacks])
        const { fence, id } = one!
        yield* store.settle(w, [_tag === "Retry" ? { _tag, id, fence, delay: 0, failure } : { _tag, id, fence, delay: 0, reason: "" }])
      }
      assert.deepStrictEqual(seen, [["1", 1, 0], ["2", 2, 0], ["3", 2, 1]])
    }))

    test("gives an attempt back without counting the hand-back, where it says so", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* enqueue(task())
      const w = yield* worker()
      for (const counted of [false, undefined, false]) {
        const [{ fence, id }] = (yield* claim(w)) as [TaskStore.ClaimedTask]
        yield* store.settle(w, [{ _tag: "HandBack", id, fence, delay: 0, reason: "", counted }])
      }
      const [one] = yield* claim(w)
      assert.deepInclude(one, { attempt: 1, handbacks: 1 })
    }))

    test("keeps what each attempt died of, when, and on which worker", Effect.gen(function*() {
      const { claim, enqueue, get, store, until, worker } = yield* using
      const [id] = yield* enqueue(task())
      const [a, b] = [yield* worker(), yield* worker(1)]
      const [first] = yield* claim(a)
      yield* store.settle(a, [{ _tag: "Retry", id: id!, fence: first!.fence, delay: 0, failure }])
      const [second] = yield* claim(b)
      assert.strictEqual(second!.attempt, 2)
      yield* until(Effect.map(get(id!), (found) => found.state === "ready" ? true : undefined)) // its lease is over
      const [third] = yield* claim(a)
      yield* store.settle(a, [{ _tag: "HandBack", id: id!, fence: third!.fence, delay: 0, reason: "a deploy" }]) // no attempt, no error
      const [fourth] = yield* claim(a)
      yield* store.settle(a, [{ _tag: "Die", id: id!, fence: fourth!.fence, failure: { name: "Refused", message: "no" } }])
      const { attempt, createdAt, errors = [], failure: last } = yield* get(id!)
      assert.deepStrictEqual(errors.map(({ at: _, ...error }) => error), [
        { attempt: 1, worker: `test (${a})`, ...failure },
        { attempt: 2, worker: `test (${b})`, ...TaskStore.workerLost },
        { attempt: 3, worker: `test (${a})`, name: "Refused", message: "no" }
      ])
      assert.strictEqual(attempt, 3)
      assert.strictEqual(last!.name, "Refused")
      const [next] = yield* enqueue(task()) // begun by the same clock when all of that was over
      const times = [Math.floor(createdAt), ...errors.map(({ at }) => at), (yield* get(next!)).createdAt]
      assert.deepStrictEqual(times, times.toSorted((x, y) => x - y))
    }))

    test("keeps the last errors of a task that is tried very often", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const w = yield* worker()
      for (let attempt = 1; attempt <= TaskStore.errorsKept + 2; attempt++) {
        const [{ fence } = { fence: "" }] = yield* claim(w)
        yield* store.settle(w, [{ _tag: "Retry", id: id!, fence, delay: 0, failure }])
      }
      const { errors } = yield* get(id!)
      assert.strictEqual(errors!.length, TaskStore.errorsKept)
      assert.deepStrictEqual([errors!.at(0)!.attempt, errors!.at(-1)!.attempt], [3, TaskStore.errorsKept + 2])
    }))

    test("shows progress", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const w = yield* worker()
      yield* claim(w)
      assert.isTrue(yield* store.progress(w, { id: id!, fence: "1", ratio: 0.25, text: "a quarter" }))
      assert.deepStrictEqual((yield* get(id!)).progress, { ratio: 0.25, text: "a quarter" })
    }))
  })

  describe(`${name}: leases`, () => {
    test("gives a dead worker's tasks to others, its attempt spent, under a higher fence", Effect.gen(function*() {
      const { claim, enqueue, store, until, worker } = yield* using
      const [id] = yield* enqueue(task())
      const [dying, living] = yield* Effect.all([worker(5), worker()])
      yield* claim(dying)
      const again = yield* until(Effect.map(claim(living), ([one]) => one))
      assert.deepInclude(again, { id: id!, attempt: 2, fence: "2" })
      assert.isFalse(yield* store.renew(dying, lease))
      assert.deepStrictEqual(yield* store.settle(dying, [{ _tag: "Succeed", id: id!, fence: "1", result: 1 }]), [])
    }))

    test("leaves a worker that renews alone", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* enqueue(task())
      const w = yield* worker(5000)
      yield* claim(w)
      assert.isTrue(yield* store.renew(w, lease))
      assert.strictEqual((yield* store.upkeep).reaped, 0)
      assert.strictEqual((yield* store.held(w)).length, 1)
    }))

    test("tells of all that a worker holds, or of some of it by their ids", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [mine, ended, theirs] = yield* enqueue(task(), task(), task())
      const [w, other] = [yield* worker(), yield* worker()]
      yield* claim(w, 2)
      yield* claim(other)
      yield* store.settle(w, [{ _tag: "Succeed", id: ended!, fence: "1", result: 1 }])
      const [waiting] = yield* enqueue(task())
      const expected = [{ id: mine!, name: "charge", version: 1, attempt: 1, fence: "1" }]
      assert.deepStrictEqual(yield* store.held(w), expected)
      assert.deepStrictEqual(yield* store.held(w, [ended!, mine!, theirs!, waiting!, "999999"]), expected)
      assert.deepStrictEqual(yield* store.held(w, [ended!, theirs!]), [])
      assert.deepStrictEqual(yield* store.held(w, []), [])
    }))

    test("takes back what a worker holds when it leaves, unspent", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const w = yield* worker()
      yield* claim(w)
      assert.deepStrictEqual(yield* store.held(w), [{ id: id!, name: "charge", version: 1, attempt: 1, fence: "1" }])
      yield* store.deregister(w)
      assert.deepInclude(yield* get(id!), { state: "ready", attempt: 0 })
      assert.deepStrictEqual(yield* store.held(w), [])
      assert.isFalse(yield* store.renew(w, lease))
    }))
  })

  describe(`${name}: cancel, redrive, await`, () => {
    test("cancels what is ready, scheduled or running, and refuses the running worker's outcome", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const [running] = yield* enqueue(task())
      const w = yield* worker()
      const [claimed] = yield* claim(w)
      const [ready, scheduled] = yield* enqueue(task(), task({ delay: 60_000 }))
      for (const id of [running!, ready!, scheduled!]) assert.strictEqual((yield* store.cancel(id)).state, "cancelled")
      assert.deepStrictEqual(yield* store.held(w), [])
      assert.deepStrictEqual(yield* store.settle(w, [{ _tag: "Succeed", id: running!, fence: claimed!.fence, result: 1 }]), [])
      assert.strictEqual((yield* get(running!)).state, "cancelled")
    }))

    test("leaves what is over as it is", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const w = yield* worker()
      yield* claim(w)
      yield* store.settle(w, [{ _tag: "Succeed", id: id!, fence: "1", result: 1 }])
      assert.strictEqual((yield* store.cancel(id!)).state, "succeeded")
      assert.strictEqual((yield* store.redrive(id!)).state, "succeeded")
    }))

    test("makes a dead task ready again, with all its attempts and a higher fence", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const w = yield* worker()
      yield* claim(w)
      yield* store.settle(w, [{ _tag: "Die", id: id!, fence: "1", failure }])
      assert.deepInclude(yield* store.redrive(id!), { state: "ready", attempt: 0 })
      const [again] = yield* claim(w)
      assert.deepInclude(again, { id: id!, attempt: 1, fence: "2" })
    }))

    test("retries many of the dead by what they died of, by queue, by name and by time, and leaves the others", Effect.gen(function*() {
      const { claim, enqueue, get, store, worker } = yield* using
      const w = yield* worker()
      const ids = yield* enqueue(task(), task(), task({ queue: "mail" }), task({ name: "other" }), task())
      const claimed = yield* claim(w, 10, [route, { ...route, queue: "mail" }, { ...route, name: "other" }])
      const names = ["Refused", "Outage", "Outage", "Outage"]
      yield* store.settle(w, claimed.filter(({ id }) => id !== ids[4]).map(({ fence, id }) =>
        ({ _tag: "Die", id, fence, failure: { name: names[ids.indexOf(id)]!, message: "boom" } })))
      yield* store.cancel(ids[4]!)
      const state = (index: number) => Effect.map(get(ids[index]!), (found) => found.state)

      assert.strictEqual(yield* store.redriveMany({ error: "Nothing" }), 0)
      assert.strictEqual(yield* store.redriveMany({ finishedBefore: 1000 }), 0)
      assert.strictEqual(yield* store.redriveMany({ error: "Outage", queue: "default", name: "charge" }), 1)
      assert.deepStrictEqual([yield* state(0), yield* state(1), yield* state(2)], ["dead", "ready", "dead"])
      assert.strictEqual(yield* store.redriveMany({ error: "Outage", finishedAfter: 1000 }), 2)
      assert.deepStrictEqual([yield* state(2), yield* state(3), yield* state(4)], ["ready", "ready", "cancelled"])
      assert.strictEqual(yield* store.redriveMany({}), 1)
      assert.strictEqual(yield* store.redriveMany({ state: "cancelled" }), 1)
      assert.strictEqual(yield* state(4), "ready")
      const again = yield* claim(w, 10)
      assert.isTrue(again.every(({ attempt, fence }) => attempt === 1 && Number(fence) > 1))
    }))

    test("gives a retried task its time and its keys again", Effect.gen(function*() {
      const { claim, enqueue, store, until, worker } = yield* using
      const [id] = yield* enqueue(task({ expiresAfter: 1, timeout: 1234, concurrencyKey: "k", metadata: { tenant: "t" } }))
      yield* until(Effect.map(store.find(id!), (found) => Option.getOrThrow(found).state === "dead" ? true : undefined))
      yield* store.redrive(id!)
      yield* store.upkeep
      const [claimed] = yield* claim(yield* worker())
      assert.deepInclude(claimed!, { id: id!, timeout: 1234, concurrencyKey: "k", metadata: { tenant: "t" } })
    }))

    test("says that there is no such task", Effect.gen(function*() {
      const { store } = yield* using
      for (const ask of [store.cancel("424242"), store.redrive("x"), store.await("424242", 1)]) {
        assert.strictEqual((yield* Effect.flip(ask))._tag, "TaskNotFound")
      }
    }))

    test("tells all who wait for a task that it is over", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const [id] = yield* enqueue(task())
      const waiting = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(store.await(id!, 20_000), { startImmediately: true }))
      const w = yield* worker()
      yield* claim(w)
      yield* store.settle(w, [{ _tag: "Succeed", id: id!, fence: "1", result: "done" }])
      for (const fiber of waiting) assert.deepInclude(yield* Fiber.join(fiber), { state: "succeeded", result: "done" })
    }))

    test("gives the task as it is when the wait is over first", Effect.gen(function*() {
      const { enqueue, store } = yield* using
      const [id] = yield* enqueue(task())
      assert.strictEqual((yield* store.await(id!, 1)).state, "ready")
    }))
  })

  describe(`${name}: looking`, () => {
    test("lists the newest first, in pages, by state, queue and name", Effect.gen(function*() {
      const { enqueue, store } = yield* using
      const ids = yield* enqueue(task(), task({ queue: "mail" }), task({ name: "other" }), task({ delay: 60_000 }))
      const first = yield* store.list({ limit: 3 })
      assert.deepStrictEqual(first.tasks.map(({ id }) => id), [ids[3], ids[2], ids[1]])
      const second = yield* store.list({ limit: 3, cursor: first.cursor })
      assert.deepStrictEqual([second.tasks.map(({ id }) => id), second.cursor], [[ids[0]], undefined])
      for (const [filter, index] of [[{ queue: "mail" }, 1], [{ name: "other" }, 2], [{ state: "scheduled" }, 3]] as const) {
        assert.deepStrictEqual((yield* store.list({ limit: 10, ...filter })).tasks.map(({ id }) => id), [ids[index]])
      }
    }))

    test("lists each state, wherever its tasks lie", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      const w = yield* worker()
      yield* enqueue(task(), task(), task())
      const [a, b, c] = (yield* claim(w)) as [TaskStore.ClaimedTask, TaskStore.ClaimedTask, TaskStore.ClaimedTask]
      const [cancelled, scheduled, ready] = yield* enqueue(task(), task({ delay: 60_000 }), task())
      yield* store.cancel(cancelled!)
      yield* store.settle(w, [
        { _tag: "Succeed", id: a.id, fence: a.fence, result: 1 },
        { _tag: "Die", id: b.id, fence: b.fence, failure }
      ])
      const there = { scheduled, ready, running: c.id, succeeded: a.id, dead: b.id, cancelled }
      for (const [state, id] of Object.entries(there) as Array<[TaskStore.TaskState, string]>) {
        const { tasks } = yield* store.list({ limit: 10, state })
        assert.deepStrictEqual(tasks.map((one) => [one.id, one.state]), [[id, state]])
      }
    }))

    test("counts each queue", Effect.gen(function*() {
      const { claim, enqueue, store, worker } = yield* using
      yield* enqueue(task(), task(), task({ delay: 60_000 }), task({ queue: "mail" }))
      yield* claim(yield* worker(), 1)
      const depths = new Map((yield* store.queues).map((depth) => [depth.queue, depth]))
      assert.deepInclude(depths.get("default"), { scheduled: 1, ready: 1, running: 1 })
      assert.isAtLeast(depths.get("mail")!.oldest!, 0)
    }))

    test("keeps what workers announce, the newest of each version", Effect.gen(function*() {
      const { store } = yield* using
      const definition = TaskStore.defineTask("charge", { needs: ["payments"], payloadSchema: { type: "object" } })
      yield* store.define([definition, { ...definition, version: 2 }])
      yield* store.define([{ ...definition, timeout: 1000 }])
      assert.deepStrictEqual(yield* store.definitions, [{ ...definition, timeout: 1000 }, { ...definition, version: 2 }])
    }))
  })
}
