/** Taking over from the dead, as it went wrong elsewhere: by age, page by page, by name. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TaskStore } from "@outrigger/sdk"
import { eventually, newTask, route, taskStores } from "../support/taskStore.ts"

const claimAll = (store: TaskStore.Service, worker: string) => Effect.gen(function*() {
  const all: Array<TaskStore.ClaimedTask> = []
  for (;;) {
    const some = yield* store.claim({ worker, routes: [route], limit: 500 })
    if (some.length === 0) return all
    all.push(...some)
  }
})

describe("a rescue", () => {
  it.live("takes over all that dead workers held, however many they were (river #1288, #1318, #1331: later pages starved)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    yield* store!.enqueue(Array.from({ length: 3000 }, () => newTask()))
    for (let n = 0; n < 6; n++) {
      const dying = yield* store!.register({ name: `dying ${n}`, lease: 600_000 })
      assert.strictEqual((yield* store!.claim({ worker: dying, routes: [route], limit: 500 })).length, 500)
    }
    yield* query("update outrigger.worker set expires_at = now() - interval '1 second'")
    const living = yield* store!.register({ name: "living", lease: 600_000 })
    const mine = new Set<string>()
    yield* eventually(Effect.map(Effect.andThen(store!.upkeep, claimAll(store!, living)), (all) => {
      for (const { id } of all) mine.add(id)
      return mine.size === 3000 ? true : undefined
    }))
    assert.strictEqual((yield* store!.held(living)).length, 3000)
  })))

  it.live("asks whether the worker lives, never how old the attempt is, nor how long it may run (river: a timeout of -1 was never rescued)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    const [endless] = yield* store!.enqueue([newTask({ timeout: 2_147_483_647 })])
    const worker = yield* store!.register({ name: "w", lease: 600_000 })
    yield* store!.claim({ worker, routes: [route], limit: 1 })
    yield* query("update outrigger.task set started_at = now() - interval '30 days'")
    for (let round = 0; round < 12; round++) assert.strictEqual((yield* store!.upkeep).reaped, 0)
    assert.strictEqual((yield* store!.held(worker)).length, 1)
    yield* query("update outrigger.worker set expires_at = now() - interval '1 second'")
    yield* eventually(Effect.map(Effect.andThen(store!.upkeep, store!.held(worker)), (held) => held.length === 0 ? true : undefined))
    const next = yield* store!.register({ name: "next", lease: 600_000 })
    assert.deepInclude((yield* store!.claim({ worker: next, routes: [route], limit: 1 }))[0], { id: endless!.id, fence: "2" })
  })))

  it.live("knows two workers of one name apart: the one that died, and its successor (oban #862)", () => Effect.scoped(Effect.gen(function*() {
    const { query, stores: [store] } = yield* taskStores(1)
    yield* store!.enqueue([newTask(), newTask()])
    const [dead, successor] = yield* Effect.all([store!.register({ name: "web.1", lease: 600_000 }), store!.register({ name: "web.1", lease: 600_000 })])
    const [lost] = yield* store!.claim({ worker: dead, routes: [route], limit: 1 })
    const [kept] = yield* store!.claim({ worker: successor, routes: [route], limit: 1 })
    yield* query("update outrigger.worker set expires_at = now() - interval '1 second' where id = $1", [dead])
    yield* eventually(Effect.map(Effect.andThen(store!.upkeep, store!.held(dead)), (held) => held.length === 0 ? true : undefined))
    assert.isTrue(yield* store!.renew(successor, 600_000))
    assert.isFalse(yield* store!.renew(dead, 600_000))
    assert.deepStrictEqual((yield* store!.held(successor)).map(({ id }) => id), [kept!.id])
    assert.deepStrictEqual((yield* store!.claim({ worker: successor, routes: [route], limit: 1 })).map(({ id }) => id), [lost!.id])
  })))
})
