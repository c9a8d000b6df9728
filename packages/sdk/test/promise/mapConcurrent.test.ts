import { getEventListeners } from "node:events"
import * as fc from "fast-check"
import { assert, describe, expectTypeOf, it } from "vitest"
import { mapConcurrent } from "../../src/promise/mapConcurrent.ts"
import { caught, gate, hang, turn } from "../support/virtual.ts"

const gates = (count: number) => Array.from({ length: count }, () => gate<number>())

describe("mapConcurrent", () => {
  it("gives results in the order of the items, whatever order they come in", async () => {
    const works = gates(3)
    const all = mapConcurrent(works, { concurrency: 3 }, ({ promise }, { index }) => promise.then((value) => [index, value] as const))
    expectTypeOf(all).resolves.toEqualTypeOf<Array<readonly [number, number]>>()
    for (const at of [2, 0, 1]) works[at]!.resolve(at * 10)
    assert.deepStrictEqual(await all, [[0, 0], [1, 10], [2, 20]])
  })

  it("runs no more than `concurrency` at once, and as many as there are places", async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.nat(12), fc.infiniteStream(fc.nat(11)), async (concurrency, count, picks) => {
      const works = gates(count)
      const running = new Set<number>()
      const all = mapConcurrent(works, { concurrency }, async ({ promise }, { index }) => {
        running.add(index)
        await promise
        running.delete(index)
        return index
      })
      for (let left = count; left > 0; left--) {
        await turn()
        assert.strictEqual(running.size, Math.min(concurrency, left))
        const [pick] = picks.take(1)
        const at = [...running][pick! % running.size]!
        works[at]!.resolve(at)
      }
      assert.deepStrictEqual(await all, works.map((_, index) => index))
    }), { numRuns: 200 })
  })

  it("takes from the source only as places come free, and runs all of it when nothing bounds them", async () => {
    let taken = 0
    const source = function*() { while (taken < 100) yield taken++ }
    const work = gate<void>()
    const all = mapConcurrent(source(), { concurrency: 2 }, () => work.promise)
    await turn()
    assert.strictEqual(taken, 2)
    work.resolve()
    assert.strictEqual((await all).length, 100)
    let running = 0
    const most = await mapConcurrent(Array.from({ length: 50 }), { concurrency: Infinity }, async () => { running++; await turn(); return running })
    assert.strictEqual(most[0], 50)
  })

  it("reads an asynchronous source, and gives nothing for an empty one", async () => {
    const pages = async function*() { yield 1; await turn(); yield 2; yield 3 }
    assert.deepStrictEqual(await mapConcurrent(pages(), { concurrency: 2 }, (page) => page * 2), [2, 4, 6])
    assert.deepStrictEqual(await mapConcurrent([], { concurrency: 2 }, hang), [])
  })

  it("rejects with the first error at once, begins nothing more, and tells what still runs", async () => {
    const boom = new Error("boom")
    const begun: Array<number> = []
    let signal: AbortSignal | undefined
    let closed = false
    const source = function*() { try { yield 0; yield 1; yield 2; yield 3 } finally { closed = true } }
    const failing = gate<never>()
    const all = caught(mapConcurrent(source(), { concurrency: 2 }, (item, context) => {
      begun.push(item)
      if (item === 1) return failing.promise
      signal = context.signal
      return hang()
    }))
    await turn()
    assert.isFalse(signal!.aborted)
    failing.reject(boom)
    assert.strictEqual(await all, boom)
    await turn()
    assert.deepStrictEqual([begun, signal!.reason, closed], [[0, 1], boom, true])
  })

  it("asks its source for nothing more once it is stopped, nor once it is empty", async () => {
    let asked = 0
    const works = gates(3)
    const source = (count: number) => ({ [Symbol.iterator]: () => ({ next: (): IteratorResult<number> => asked++ < count ? { done: false, value: asked - 1 } : { done: true, value: undefined } }) })
    const stopped = caught(mapConcurrent(source(9), { concurrency: 2 }, (item: number) => works[item]!.promise))
    await turn()
    works[0]!.reject(new Error("boom"))
    await stopped
    works[1]!.resolve(1)
    await turn()
    assert.strictEqual(asked, 2)
    asked = 0
    const all = mapConcurrent(source(1), { concurrency: 2 }, () => works[2]!.promise)
    await turn()
    works[2]!.resolve(2)
    assert.deepStrictEqual([await all, asked], [[2], 2])
  })

  it("begins no item that its source gives after the end", async () => {
    const late = gate<IteratorResult<number>>()
    const begun: Array<number> = []
    const answers = [Promise.resolve({ done: false as const, value: 0 }), late.promise]
    const source = { [Symbol.asyncIterator]: () => ({ next: () => answers.shift()! }) }
    const all = caught(mapConcurrent(source, { concurrency: 2 }, async (item) => { begun.push(item); throw new Error("boom") }))
    await all
    late.resolve({ done: false, value: 1 })
    await turn()
    assert.deepStrictEqual(begun, [0])
  })

  it("takes a synchronous throw for an error, and hides no second one as unhandled", async () => {
    const all = mapConcurrent([1, 2], { concurrency: 2 }, (item) => { throw new Error(`no ${item}`) })
    assert.match(String(await caught(all)), /no 1/)
    await turn()
  })

  it("gives a signal that is aborted already to work that asks for it late", async () => {
    const late = gate<AbortSignal>()
    const [fail, go] = [gate<void>(), gate<void>()]
    const all = caught(mapConcurrent([1, 2, 3], { concurrency: 3 }, async (item, context) => {
      await (item < 3 ? fail : go).promise
      if (item < 3) throw new Error(`boom ${item}`)
      late.resolve(context.signal)
    }))
    await turn()
    fail.resolve()
    const error = await all
    await turn()
    go.resolve()
    const { aborted, reason } = await late.promise
    assert.deepStrictEqual([aborted, reason, error.message], [true, error, "boom 1"])
  })

  it("tries all when told to, and gives their errors together", async () => {
    const tried: Array<number> = []
    const error = await caught(mapConcurrent([1, 2, 3, 4], { concurrency: 2, stopOnError: false }, async (item) => {
      tried.push(item)
      if (item % 2 === 0) throw item
    }))
    assert.instanceOf(error, AggregateError)
    assert.deepStrictEqual([tried, error.errors, error.message], [[1, 2, 3, 4], [2, 4], "2 of 4 items failed"])
  })

  it("ends when its source fails, whatever it was told of items", async () => {
    const boom = new Error("source")
    let returned = false
    const source = { [Symbol.iterator]: () => ({ next: () => { throw boom }, return: () => { returned = true; return { done: true as const, value: undefined } } }) }
    assert.strictEqual(await caught(mapConcurrent(source, { concurrency: 2, stopOnError: false }, hang)), boom)
    assert.isFalse(returned)
  })

  it("keeps the first error when closing the source fails too", async () => {
    const source = { [Symbol.iterator]: () => ({ next: () => ({ done: false as const, value: 1 }), return: () => { throw new Error("close") } }) }
    assert.match(String(await caught(mapConcurrent(source, { concurrency: 1 }, () => { throw new Error("first") }))), /first/)
    await turn()
  })

  it("ends at once when its caller leaves, with the caller's reason, and begins nothing after", async () => {
    const controller = new AbortController()
    let begun = 0
    const work = gate<void>()
    const all = caught(mapConcurrent([1, 2, 3], { concurrency: 1, signal: controller.signal }, () => { begun++; return work.promise }))
    await turn()
    controller.abort("left")
    assert.strictEqual(await all, "left")
    work.resolve()
    await turn()
    assert.strictEqual(begun, 1)
    assert.strictEqual(await caught(mapConcurrent([1], { concurrency: 1, signal: controller.signal }, () => { begun++ })), "left")
    assert.strictEqual(begun, 1)
  })

  it("leaves no listener on a signal that lives long, however it ends (p-map#75)", async () => {
    const { signal } = new AbortController()
    let most = 0
    const watch = async (item: number) => { most = Math.max(most, getEventListeners(signal, "abort").length); if (item === 3) throw new Error("boom") }
    await mapConcurrent([1, 2], { concurrency: 2, signal }, watch)
    await caught(mapConcurrent([1, 2, 3], { concurrency: 2, signal }, watch))
    assert.deepStrictEqual([most, getEventListeners(signal, "abort").length], [1, 0])
  })

  it.each([0, -1, 1.5, Number.NaN, undefined])("refuses a concurrency of %s", async (concurrency) => {
    assert.deepInclude(await caught(mapConcurrent([1], { concurrency: concurrency as number }, hang)), { _tag: "InvalidPolicyOption", policy: "mapConcurrent", option: "concurrency" })
  })
})
