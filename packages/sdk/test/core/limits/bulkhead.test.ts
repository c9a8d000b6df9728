import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Bulkhead, type BulkheadSettings } from "../../../src/core/limits/bulkhead.ts"
import type { Waiter } from "../../../src/core/limits/line.ts"

class Call implements Waiter {
  ahead: Waiter | null = null
  behind: Waiter | null = null
  readonly weight = 1
  readonly granted: () => void

  constructor(granted: () => void = () => {}) {
    this.granted = granted
  }
}

const allowing = (concurrency: number, queue: number): BulkheadSettings => ({ adaptive: undefined, concurrency, queue, queueTimeout: Infinity })

const alone = ({ ahead, behind }: Waiter): boolean => ahead === null && behind === null

describe("a bulkhead", () => {
  it("lets in as many as it is told, and not one more", () => {
    const bulkhead = new Bulkhead(allowing(2, 0))
    assert.deepStrictEqual([bulkhead.enter(), bulkhead.enter(), bulkhead.enter()], [true, true, false])
    assert.strictEqual(bulkhead.running, 2)
    bulkhead.leave()
    assert.deepStrictEqual([bulkhead.enter(), bulkhead.running], [true, 2])
  })

  it("lets as many wait as it is told, and not one more", () => {
    const bulkhead = new Bulkhead(allowing(1, 2))
    bulkhead.enter()
    assert.deepStrictEqual([1, 2, 3].map(() => bulkhead.wait(new Call())), [true, true, false])
    assert.strictEqual(bulkhead.queued, 2)
  })

  it("lets nobody past those who wait", () => {
    const bulkhead = new Bulkhead(allowing(1, 1))
    bulkhead.enter()
    bulkhead.wait(new Call())
    bulkhead.settings = allowing(5, 1)
    assert.isFalse(bulkhead.enter())
    bulkhead.grant()
    assert.deepStrictEqual([bulkhead.running, bulkhead.queued, bulkhead.enter()], [2, 0, true])
  })

  it("whose settings shrink lets nobody in before enough have left", () => {
    const granted: Array<string> = []
    const bulkhead = new Bulkhead(allowing(3, 1))
    for (let n = 0; n < 3; n++) bulkhead.enter()
    bulkhead.wait(new Call(() => granted.push("first")))
    bulkhead.settings = allowing(1, 1)
    bulkhead.leave()
    bulkhead.leave()
    assert.deepStrictEqual([granted, bulkhead.running], [[], 1])
    bulkhead.leave()
    assert.deepStrictEqual([granted, bulkhead.running], [["first"], 1])
  })

  it("has let go of whom it grants, who may wait again at once, at the end", () => {
    const granted: Array<string> = []
    const bulkhead = new Bulkhead(allowing(1, 2))
    bulkhead.enter()
    const first: Call = new Call(() => {
      granted.push(`first ${alone(first)}`)
      if (granted.length === 1) bulkhead.wait(first)
    })
    bulkhead.wait(first)
    bulkhead.wait(new Call(() => granted.push("second")))
    bulkhead.leave()
    bulkhead.leave()
    bulkhead.leave()
    assert.deepStrictEqual(granted, ["first true", "second", "first true"])
  })

  it("goes through a long queue of work that ends at once without going deeper", () => {
    const bulkhead = new Bulkhead(allowing(1, 100_000))
    bulkhead.enter()
    let depth = 0, deepest = 0, done = 0
    for (let n = 0; n < 100_000; n++) {
      bulkhead.wait(new Call(() => {
        deepest = Math.max(deepest, ++depth)
        bulkhead.leave()
        depth--
        done++
      }))
    }
    bulkhead.leave()
    assert.deepStrictEqual([done, deepest, bulkhead.running, bulkhead.queued], [100_000, 1, 0, 0])
    assert.isTrue(bulkhead.enter(), "and it can grant again")
  })

  it("lets in the others after one who throws", () => {
    const bulkhead = new Bulkhead(allowing(1, 2))
    const granted: Array<string> = []
    bulkhead.enter()
    bulkhead.wait(new Call(() => { throw new Error("boom") }))
    bulkhead.wait(new Call(() => granted.push("second")))
    assert.throws(() => bulkhead.leave(), "boom")
    bulkhead.leave()
    assert.deepStrictEqual([granted, bulkhead.running, bulkhead.queued], [["second"], 1, 0])
  })
})

describe("a bulkhead, whatever happens in whatever order", () => {
  const command = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("come" as const), endsAtOnce: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("leave" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("forget" as const), which: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("set" as const), concurrency: fc.integer({ min: 1, max: 4 }), queue: fc.nat(5) }) }
  )

  /** The queue as an array, the permits as a number. */
  class Model {
    running = 0
    concurrency = 2
    queue = 3
    waiting: Array<{ readonly id: number; readonly endsAtOnce: boolean }> = []
    readonly began: Array<number> = []

    come(id: number, endsAtOnce: boolean): "entered" | "waits" | "refused" {
      if (this.waiting.length === 0 && this.running < this.concurrency) {
        this.running++
        return "entered"
      }
      if (this.waiting.length >= this.queue) return "refused"
      this.waiting.push({ id, endsAtOnce })
      return "waits"
    }

    grant(): void {
      while (this.waiting.length > 0 && this.running < this.concurrency) {
        const { endsAtOnce, id } = this.waiting.shift()!
        this.began.push(id)
        if (!endsAtOnce) this.running++
      }
    }
  }

  it("does as an array does, first come first served, and no permit is lost or doubled", () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const model = new Model()
      const bulkhead = new Bulkhead(allowing(model.concurrency, model.queue))
      const calls = new Map<number, Call>()
      const began: Array<number> = []
      for (const [id, one] of commands.entries()) {
        if (one.do === "come") {
          const call: Call = new Call(() => {
            assert.isTrue(alone(call) && bulkhead.running <= bulkhead.settings.concurrency)
            began.push(id)
            if (one.endsAtOnce) bulkhead.leave()
          })
          calls.set(id, call)
          assert.strictEqual(bulkhead.enter() ? "entered" : bulkhead.wait(call) ? "waits" : "refused", model.come(id, one.endsAtOnce))
        } else if (one.do === "leave") {
          if (model.running === 0) continue
          model.running--
          model.grant()
          bulkhead.leave()
        } else if (one.do === "forget") {
          if (model.waiting.length === 0) continue
          const [gone] = model.waiting.splice(one.which % model.waiting.length, 1)
          const call = calls.get(gone!.id)!
          bulkhead.forget(call)
          assert.isTrue(alone(call))
        } else {
          Object.assign(model, { concurrency: one.concurrency, queue: one.queue })
          model.grant()
          bulkhead.settings = allowing(one.concurrency, one.queue)
          bulkhead.grant()
        }
        assert.deepStrictEqual([bulkhead.running, bulkhead.queued, began], [model.running, model.waiting.length, model.began])
      }
    }), { numRuns: 2000 })
  })
})
