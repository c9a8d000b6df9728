/** A shared meter at the very moment: the end of a lease, a minute without a call, questions that cross. */
import { assert, describe, it } from "vitest"
import { lease } from "../../../src/core/limits/sharedMeter.ts"
import { alone, holding, scene } from "../../support/meter.ts"

describe("who slept through the end of its lease", () => {
  it.each([[8999, 30], [9000, 0]])("asks at %i as the holder of %i", async (time, has) => {
    const { asked, clock, demand, last } = await holding(30)
    Object.assign(demand, { first: 8, waiting: 8 })
    clock.time = time
    await clock.pass(0) // its timer is late
    assert.strictEqual(asked.length, 2)
    const { back, holds } = last()
    assert.deepStrictEqual([holds, holds + back], [Math.min(8, has), has])
  })

  it.each([[7999, 6], [8000, 0]])("and asked at %i without an answer, goes on alone with %i", async (time, left) => {
    const { clock, demand, script, take, told } = await holding(6)
    Object.assign(demand, { first: 6, waiting: 6 })
    script.answer = () => "silent"
    clock.time = time
    assert.isFalse(take(7))
    await clock.pass(1000)
    assert.deepInclude(told[0], { together: false })
    assert.deepStrictEqual([take(left + 1), left === 0 || take(left), take(1)], [false, true, false])
  })
})

describe("what a second takes", () => {
  /** 40 of 200 spent and told at 0; asked again later, with nothing spent since. */
  const askedAgainAt = async (time: number) => {
    const { clock, demand, last, take } = await holding(200, { burst: 1000 })
    Object.assign(demand, { first: 1, waiting: 1 })
    assert.isTrue(take(40))
    assert.isFalse(take(200))
    await clock.pass(0)
    assert.deepInclude(last(), { holds: 41, back: 119 })
    clock.time = time
    assert.isFalse(take(200))
    await clock.pass(0)
    return last().holds
  }

  it.each([[500, 28], [999, 22]])("is remembered while nothing is spent: after %i ms it keeps %i", async (time, holds) => {
    assert.strictEqual(await askedAgainAt(time), holds)
  })

  it("is forgotten after a second in which nothing was", async () => {
    assert.strictEqual(await askedAgainAt(1000), 1)
  })
})

describe("a question on its way", () => {
  it("is given up after a second, however much is spent meanwhile", async () => {
    const { clock, demand, due, script, take, told } = await holding(200)
    Object.assign(demand, { first: 1, waiting: 100 })
    script.answer = () => "silent"
    assert.isTrue(take(51)) // it must tell
    await clock.pass(10)
    assert.isTrue(take(60))
    assert.deepStrictEqual(due(), [1000])
    await clock.pass(990)
    assert.strictEqual(told.length, 1)
  })

  it("is the only one, also where its time comes in the same moment", async () => {
    const { asked, clock, take } = await holding(10)
    const third = clock.timers.find(({ gone }) => !gone)
    take(11)
    third!.fire()
    assert.strictEqual(asked.length, 1)
    await clock.pass(0)
    assert.strictEqual(asked.length, 2)
  })

  it("that was given up is no failure once more when it fails at last", async () => {
    const { asked, clock, script, take } = scene()
    script.answer = () => "refuses"
    script.delay = 1500
    take()
    await clock.pass(1600)
    clock.time = 1749
    take()
    await clock.pass(0)
    assert.strictEqual(asked.length, 1)
    clock.time = 1750
    take()
    await clock.pass(0)
    assert.strictEqual(asked.length, 2)
  })

  it("keeps nobody in suspense who is alone: its own share says what there is", async () => {
    const { clock, meter, script, take } = scene()
    script.answer = () => "refuses"
    take()
    await clock.pass(0)
    clock.time = 800
    script.answer = () => "silent"
    take(100)
    assert.isFalse(meter.unsure)
  })
})

describe("a minute without a call", () => {
  it.each([[99_999, lease], [100_000, 0]])("that ended at 40 000 is over at 100 000: at %i it asks for a lease of %i", async (time, asks) => {
    const { clock, last, take } = scene()
    clock.time = 39_000
    take()
    await clock.pass(0)
    take()
    await clock.pass(1000)
    take()
    await clock.pass(0)
    assert.isTrue(take())
    await clock.pass(0)
    clock.time = time
    await clock.pass(0)
    assert.strictEqual(last().lease, asks)
  })
})

describe("the share of who is alone", () => {
  it.each([[3, 5], [5, 3]])("goes by the larger number of processes: the option says %i, the store said %i", async (option, said) => {
    const { clock, script, take, told } = scene({}, option)
    script.answer = () => ({ granted: 0, processes: said })
    take()
    await clock.pass(0)
    script.answer = () => "refuses"
    clock.time = 1000
    take()
    await clock.pass(0)
    assert.strictEqual(told[0]!.processes, 5)
    clock.time = 100_000
    assert.deepStrictEqual([take(20), take(1)], [true, false])
  })

  it("is not made anew for a call that just fits: it keeps the credits of the last millisecond", async () => {
    const { clock, estimate, take } = await alone({ limit: 10, burst: 10 }, 5) // 2 a second, 2 at once
    clock.time = 10_000
    assert.isTrue(take(2))
    assert.strictEqual(estimate(1), 499)
  })
})
