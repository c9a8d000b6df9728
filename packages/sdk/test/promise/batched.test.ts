import { AsyncLocalStorage } from "node:async_hooks"
import { getEventListeners } from "node:events"
import { assert, describe, expectTypeOf, it } from "vitest"
import { Dependency } from "../../src/core/dependency.ts"
import { InvalidPolicyOption } from "../../src/core/errors.ts"
import type { PolicyOptions } from "../../src/core/options.ts"
import { Api } from "../../src/promise/Api.ts"
import { caught, gate, hang, turn, virtual } from "../support/virtual.ts"

const make = (options: PolicyOptions = {}) => {
  const { port, timers } = virtual()
  return { api: new Api(new Dependency("x", options, timers)), port }
}
type Ids = ReadonlyArray<number>
const named = (ids: Ids) => ids.map((id) => `user ${id}`)

describe("a batched call", () => {
  it("asks once for all that one turn asks for, and gives each its own", async () => {
    const { api, port } = make()
    const asked: Array<Ids> = []
    const userById = api.batched("users", { run: async (ids: Ids) => { asked.push(ids); return named(ids) } })
    expectTypeOf(userById(1)).resolves.toEqualTypeOf<string>()
    const all = Promise.all([7, 9, 7].map((id) => userById(id)))
    await port.pass(0)
    assert.deepStrictEqual([await all, asked], [["user 7", "user 9", "user 7"], [[1, 7, 9]]])
    assert.strictEqual(api.state().calls, 1)
  })

  it("rejects one caller with the Error that stands in its place, and says in the type what is left", async () => {
    const { api, port } = make()
    const gone = new RangeError("gone")
    const userById = api.batched("users", { run: async (ids: Ids) => ids.map((id) => id === 9 ? gone : id) })
    expectTypeOf(userById(1)).resolves.toEqualTypeOf<number>()
    const [good, bad] = [userById(7), caught(userById(9))]
    await port.pass(0)
    assert.deepStrictEqual([await good, await bad, api.state().failures], [7, gone, 0])
  })

  it("tells objects apart by what `key` says, and takes a Map by it", async () => {
    const { api, port } = make()
    const asked: Array<unknown> = []
    const byRef = api.batched("refs", {
      key: ({ id }: { readonly id: number }) => `k${id}`,
      run: async (refs) => { asked.push(refs); return new Map(refs.map(({ id }) => [`k${id}`, id * 2])) }
    })
    const all = Promise.all([byRef({ id: 1 }), byRef({ id: 2 }), byRef({ id: 1 })])
    await port.pass(0)
    assert.deepStrictEqual([await all, asked], [[2, 4, 2], [[{ id: 1 }, { id: 2 }]]])
  })

  it("rejects the caller whose `key` throws, and disturbs nobody", async () => {
    const { api, port } = make()
    const one = api.batched("users", { key: (id: number) => { if (id < 0) throw new RangeError("negative"); return id }, run: async (ids) => named(ids) })
    const good = one(1)
    assert.match(String(await caught(one(-1))), /negative/)
    await port.pass(0)
    assert.strictEqual(await good, "user 1")
  })

  it("stands under the policy as a whole: one retry, one outcome, one permit for the batch", async () => {
    const { api, port } = make({ retry: { times: 1, base: 100, jitter: "none", budget: false }, breaker: { failures: 2, openFor: 1000 }, bulkhead: { concurrency: 1 } })
    const boom = new Error("boom")
    const attempts: Array<number> = []
    const userById = api.batched("users", { run: async (ids: Ids, { attempt }) => { attempts.push(attempt); throw boom } })
    const all = [1, 2, 3].map((id) => caught(userById(id)))
    await port.pass(100)
    assert.deepStrictEqual([await Promise.all(all), attempts, api.state().breaker], [[boom, boom, boom], [1, 2], "open"])
    const rejected = [caught(userById(1)), caught(userById(2))]
    await port.pass(0)
    assert.deepStrictEqual((await Promise.all(rejected)).map(({ _tag, operation }) => [_tag, operation]), [["BreakerOpenError", "users"], ["BreakerOpenError", "users"]])
    assert.strictEqual(api.state().rejected, 1)
  })

  it("does not try again what is not idempotent", async () => {
    const { api, port } = make({ retry: { times: 1, base: 100, jitter: "none", budget: false } })
    let runs = 0
    const one = api.batched("charge", { idempotent: false, run: (_: Ids): Promise<Ids> => { runs++; throw new Error("boom") } })
    const error = caught(one(1))
    await port.pass(1000)
    assert.match(String(await error), /boom/)
    assert.strictEqual(runs, 1)
  })

  it("lets a caller leave alone, and aborts the work when the last has left", async () => {
    const { api, port } = make({ breaker: { failures: 1 } })
    let signal: AbortSignal | undefined
    const userById = api.batched("users", { run: (_: Ids, context) => { signal = context.signal; return hang() } })
    const [first, second] = [new AbortController(), new AbortController()]
    const errors = [caught(userById(1, { signal: first.signal })), caught(userById(2, { signal: second.signal }))]
    await port.pass(0)
    first.abort("first")
    assert.strictEqual(await errors[0], "first")
    assert.isFalse(signal!.aborted)
    second.abort("second")
    assert.strictEqual(await errors[1], "second")
    assert.isTrue(signal!.aborted)
    assert.deepInclude(api.state(), { aborted: 1, breaker: "closed", failures: 0 })
  })

  it("does not ask for the key of one that left before it began, and never begins for nobody", async () => {
    const { api, port } = make()
    const asked: Array<Ids> = []
    const userById = api.batched("users", { delay: 10, run: async (ids: Ids) => { asked.push(ids); return named(ids) } })
    const leaver = new AbortController()
    const gone = caught(userById(1, { signal: leaver.signal }))
    const stays = userById(2)
    leaver.abort("gone")
    await port.pass(10)
    assert.deepStrictEqual([await gone, await stays, asked], ["gone", "user 2", [[2]]])
    const other = new AbortController()
    void caught(userById(3, { signal: other.signal }))
    other.abort("gone")
    await port.pass(100)
    assert.deepStrictEqual([asked.length, api.state().calls, port.waiting.length], [1, 1, 0])
    assert.strictEqual(await caught(userById(4, { signal: AbortSignal.abort("before") })), "before")
  })

  it("ends a caller at its own deadline, and gives the work the latest of them", async () => {
    const { api, port } = make({ timeout: 1000, breaker: { failures: 1 } })
    const seen: Array<number> = []
    const userById = api.batched("users", { run: (_: Ids, { deadline }) => { seen.push(deadline); return hang() } })
    const errors = [caught(userById(1, { deadline: 20 })), caught(userById(1, { deadline: 40 }))]
    await port.pass(20)
    assert.deepInclude(await errors[0], { _tag: "CallTimeoutError", message: "x.users: no answer before the deadline" })
    assert.strictEqual(api.state().running, 1)
    await port.pass(20)
    assert.strictEqual((await errors[1])._tag, "CallTimeoutError")
    assert.deepStrictEqual([seen, api.state().breaker, api.state().failures + api.state().aborted], [[40], "closed", 1])
  })

  it("inherits each caller's deadline for that caller, and none of them for the others", async () => {
    const { port, timers } = virtual()
    const api = new Api(new Dependency("x", {}, timers), true)
    const seen: Array<number> = []
    const userById = api.batched("users", { delay: 10, run: (_: Ids, { deadline }) => { seen.push(deadline); return hang() } })
    const hurried = caught(api.call(() => userById(1), { deadline: 20 }))
    const patient = caught(userById(2, { deadline: 50 }))
    await port.pass(20)
    assert.strictEqual((await hurried)._tag, "CallTimeoutError")
    assert.strictEqual(api.state().aborted, 0)
    await port.pass(30)
    assert.strictEqual((await patient)._tag, "CallTimeoutError")
    assert.deepStrictEqual(seen, [50])
  })

  it("leaves no listener on a signal that lives long", async () => {
    const { api, port } = make()
    const { signal } = new AbortController()
    const userById = api.batched("users", { run: async (ids: Ids) => ids.map((id) => id === 2 ? new Error("no") : id) })
    const all = Promise.allSettled([userById(1, { signal }), userById(2, { signal }), userById(3, { signal, deadline: 0 })])
    await port.pass(0)
    await all
    assert.deepStrictEqual([getEventListeners(signal, "abort").length, port.waiting.length], [0, 0])
  })

  it("runs in the surroundings of the caller who opened it, and each caller goes on in its own", async () => {
    const { api, port } = make()
    const local = new AsyncLocalStorage<string>()
    const work = gate<Ids>()
    const seen: Array<string | undefined> = []
    const userById = api.batched("users", { maxSize: 2, run: () => { seen.push(local.getStore()); return work.promise } })
    const as = (name: string, id: number) => local.run(name, async () => { await userById(id); return local.getStore() })
    const both = Promise.all([as("first", 1), as("second", 2)])
    await turn()
    work.resolve([1, 2])
    assert.deepStrictEqual([await both, seen], [["first", "second"], ["first"]])
    await port.pass(0)
  })

  it.each([
    [{ maxSize: 0 }, "batched.maxSize"], [{ maxSize: 1.5 }, "batched.maxSize"], [{ delay: -1 }, "batched.delay"], [{ delay: "soon" }, "batched.delay"],
    [{ key: 1 }, "batched.key"], [{ run: undefined }, "batched.run"], [{ idempotent: 1 }, "batched.idempotent"], [{ maxsize: 1 }, "batched.maxsize"]
  ])("refuses %j when it is made", (options, option) => {
    const { api } = make()
    const error = (() => { try { api.batched("users", { run: async (ids: Ids) => ids, ...options } as never) } catch (error) { return error } })()
    assert.instanceOf(error, InvalidPolicyOption)
    assert.deepInclude(error, { policy: "x", option })
  })
})
