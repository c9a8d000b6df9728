import { assert, describe, it } from "vitest"
import { Attempt } from "../../../src/core/call/attempt.ts"
import { Bulkhead } from "../../../src/core/limits/bulkhead.ts"

const make = (bulkhead: Bulkhead | null = null, attempt: { readonly duration: number } | null = null) =>
  new Attempt({ deadline: 70, lanes: { attempt } }, 2, 5, null, bulkhead)

describe("an attempt", () => {
  it("knows its number, its deadline, and how many run with it", () => {
    const { attempt, deadline, inFlight, startedAt } = make()
    assert.deepStrictEqual([attempt, deadline, startedAt, inFlight], [2, 70, 5, 1])
    const bulkhead = new Bulkhead({ concurrency: 5, adaptive: undefined, queue: 0, queueTimeout: Infinity })
    for (let n = 0; n < 3; n++) bulkhead.enter()
    assert.strictEqual(make(bulkhead).inFlight, 3)
  })

  it("ends with its call, or before it by its own time", () => {
    assert.deepStrictEqual([make().deadline, make(null, { duration: 60 }).deadline, make(null, { duration: 66 }).deadline], [70, 65, 70])
  })

  it("begins without a ticket, and nobody has left it", () => {
    const { generation, held, late, probe, throttled, work } = make()
    assert.deepStrictEqual([generation, probe, throttled, late, held, work], [-1, 0, -1, false, null, undefined])
  })

  it("tells of an abort whoever has its signal, and whoever asks for that when nobody waits any more", () => {
    const early = make()
    const { signal } = early
    assert.deepStrictEqual([signal.aborted, early.signal === signal], [false, true])
    early.late = true
    early.abort("enough")
    assert.deepStrictEqual([signal.aborted, signal.reason, early.signal === signal], [true, "enough", true])
    const late = make()
    late.late = true
    late.abort("gone")
    assert.deepStrictEqual([late.signal.aborted, late.signal.reason], [true, "gone"])
  })
})
