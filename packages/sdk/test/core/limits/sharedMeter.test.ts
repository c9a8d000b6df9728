/** A shared meter question by question: what it asks, when, and what it makes of the answer. */
import { assert, describe, it } from "vitest"
import { lease } from "../../../src/core/limits/sharedMeter.ts"
import { alone, holding, scene } from "../../support/meter.ts"

describe("the first question", () => {
  it("is asked in a moment, for all that wait by then", async () => {
    const { asked, clock, demand, meter, take, wait } = scene()
    assert.deepStrictEqual([take(), meter.unsure, wait()], [false, true, 1000])
    Object.assign(demand, { first: 3, waiting: 7 })
    assert.strictEqual(asked.length, 0)
    await clock.pass(0)
    const [{ process, time, turn, ...request }] = asked as [typeof asked[0]]
    assert.deepStrictEqual(request, { name: "payments", limit: 100, window: 1000, burst: 100, lease, holds: 0, back: 0, least: 3, want: 7 })
    assert.strictEqual(time, 0)
    assert.match(process, /^[0-9a-z]+-[0-9a-z]+-[0-9a-z]+$/)
    assert.isAbove(turn, 0)
  })

  it("is for who was turned away, where nobody waits, and for no more than there can ever be", async () => {
    for (const [weight, least] of [[1, 1], [40, 40], [500, 100]] as const) {
      const { clock, last, take } = scene()
      take(weight)
      await clock.pass(0)
      assert.deepInclude(last(), { least, want: least })
    }
  })

  it("is for no more than the bucket holds, however many wait", async () => {
    const { clock, demand, last, take } = scene()
    Object.assign(demand, { first: 1, waiting: 1000 })
    take()
    await clock.pass(0)
    assert.deepInclude(last(), { least: 1, want: 100 })
  })

  it("is one, and each meter asks under a name of its own", async () => {
    const [one, other] = [scene(), scene()]
    for (const { clock, take } of [one, other]) {
      take()
      take()
      await clock.pass(10)
    }
    assert.deepStrictEqual([one.asked.length, other.asked.length], [1, 1])
    assert.notStrictEqual(one.last().process, other.last().process)
    const [epoch, chance, number] = one.last().process.split("-")
    assert.deepStrictEqual([epoch, chance], [(1_700_000_000_000).toString(36), (2 ** 51).toString(36)])
    assert.strictEqual(parseInt(other.last().process.split("-")[2]!, 36), parseInt(number!, 36) + 1)
  })
})

describe("what it was given", () => {
  it("is spent until nine tenths of the lease are over, counted from before it was asked", async () => {
    for (const [at, passes] of [[8999, true], [9000, false]] as const) {
      const { clock, script, take } = scene()
      script.delay = 400
      script.answer = () => ({ granted: 5 })
      take()
      await clock.pass(400)
      script.answer = () => "silent"
      clock.time = at
      assert.strictEqual(take(5), passes)
    }
  })

  it("is no more than was granted and kept", async () => {
    const { clock, demand, last, script, take } = await holding(10)
    script.answer = () => ({ granted: 2, kept: 3 })
    Object.assign(demand, { first: 5, waiting: 5 })
    assert.deepStrictEqual([take(4), take(7)], [true, false])
    await clock.pass(0)
    assert.deepInclude(last(), { holds: 6, back: 0, least: 0, want: 3 })
    assert.deepStrictEqual([take(6), take(5), take(1)], [false, true, false])
  })

  it("wakes whoever waits", async () => {
    const { wakes } = await holding(10)
    assert.deepStrictEqual(wakes, [0])
  })

  it("lets pass at once, and says how long it takes beyond", async () => {
    const { meter, take, wait } = await holding(10)
    assert.deepStrictEqual([wait(10), take(10), meter.unsure], [0, true, false])
    assert.strictEqual(meter.spent(), 0)
  })
})

describe("while there is too little", () => {
  it.each([
    [{ limit: 100, window: 1000, burst: 100 }, 50], [{ limit: 1000, window: 10_000, burst: 1000 }, 100], [{ limit: 100, window: 1000, burst: 8 }, 20], [{ limit: 1000, window: 10, burst: 10 }, 1]
  ])("asks again after a pause, by chance half of it more or less: %o", async (over, pause) => {
    for (const random of [0.5, 0, 0.9]) {
      const { asked, chance, clock, script, take, wait } = scene(over)
      script.answer = () => ({ granted: 0, retryAfter: 0 })
      chance.random = random
      take()
      await clock.pass(0)
      assert.strictEqual(wait(), Math.ceil(pause * (0.5 + random)))
      clock.time += pause * (0.5 + random) - 0.25
      take()
      await clock.pass(0)
      assert.strictEqual(asked.length, 1)
      clock.time += 0.25
      take()
      await clock.pass(0)
      assert.strictEqual(asked.length, 2)
    }
  })

  it("asks again when it was told to, where that is later", async () => {
    const { clock, meter, script, take, wait } = scene()
    script.answer = () => ({ granted: 0, retryAfter: 700 })
    take()
    await clock.pass(0)
    assert.deepStrictEqual([wait(), meter.unsure], [700, false])
    clock.time = 699.5
    assert.strictEqual(wait(), 1)
  })

  it("says when it could be, at the earliest", async () => {
    const { clock, estimate, script, take } = scene({ limit: 10, burst: 10 })
    assert.deepStrictEqual([estimate(1), estimate(10), estimate(11), estimate(15)], [0, 0, 100, 500])
    script.answer = () => ({ granted: 3, retryAfter: 700 })
    take(5)
    await clock.pass(0)
    assert.deepStrictEqual([estimate(3), estimate(4), estimate(5), estimate(14)], [0, 700, 800, 1700])
    clock.time = 200
    assert.strictEqual(estimate(5), 600)
    clock.time = 9000 // the lease is over
    assert.deepStrictEqual([estimate(1), estimate(2)], [0, 100])
  })

  it("lets pass at once what it holds until its lease is over, and not then", async () => {
    const { clock, script, take, wait } = scene()
    script.answer = () => ({ granted: 3, retryAfter: 20_000 })
    take(5)
    await clock.pass(0)
    assert.deepStrictEqual([wait(3), wait(4)], [0, 20_000])
    clock.time = 8999
    assert.strictEqual(wait(3), 0)
    clock.time = 9000
    assert.strictEqual(wait(3), 11_000)
  })

  it("knows of none while it gets all it wants", async () => {
    const { clock, meter, take } = scene()
    take()
    await clock.pass(0)
    assert.isFalse(meter.unsure)
    take(5)
    assert.isTrue(meter.unsure)
  })

  it("keeps what is just enough for who waits", async () => {
    const { clock, demand, last, take } = await holding(8)
    Object.assign(demand, { first: 8, waiting: 8 })
    take(9)
    await clock.pass(0)
    assert.deepInclude(last(), { holds: 8, back: 0, least: 0, want: 0 })
  })

  it("gives back what is too little for who waits, and asks for it as a whole", async () => {
    const { clock, demand, last, take } = await holding(5)
    Object.assign(demand, { first: 8, waiting: 12 })
    take(8)
    await clock.pass(0)
    assert.deepInclude(last(), { holds: 0, back: 5, least: 8, want: 12 })
  })

  it("keeps what is enough for who waits, and asks for the others", async () => {
    const { clock, demand, last, take } = await holding(9)
    Object.assign(demand, { first: 8, waiting: 30 })
    take(20)
    await clock.pass(0)
    assert.deepInclude(last(), { holds: 9, back: 0, least: 0, want: 21 })
  })
})

describe("ahead of need", () => {
  it("keeps what a second takes, at most half the bucket by the number of processes, and at least one", async () => {
    for (const [spends, processes, holds] of [[51, 1, 50], [60, 1, 50], [60, 2, 25]] as const) {
      const { clock, last, take } = await holding(200, {}, processes)
      for (let n = 0; n < spends; n++) take() // so much at once that it must tell
      await clock.pass(0)
      assert.deepInclude(last(), { holds, back: 200 - spends - holds, want: 0 })
    }
    for (const [spends, holds] of [[40, 10], [20, 5], [1, 1], [0, 0]] as const) {
      const { clock, last, take } = await holding(200)
      for (let n = 0; n < spends; n++) take()
      await clock.pass(3400)
      assert.deepInclude(last(), { time: lease / 3, holds, back: 200 - spends - holds, want: 0 })
    }
  })

  it("asks when less than half of it is left, and not before", async () => {
    const { asked, clock, script, take } = await holding(20)
    for (let n = 0; n < 10; n++) take()
    await clock.pass(3400) // it tells of itself after a third of the lease: a rate is known
    assert.strictEqual(asked.length, 2)
    assert.deepInclude(asked[1], { holds: 3, back: 7, least: 0, want: 0 })
    script.answer = () => ({ granted: 0 })
    assert.isTrue(take())
    await clock.pass(0)
    assert.strictEqual(asked.length, 2) // 2 of 3 are left
    assert.isTrue(take())
    await clock.pass(0)
    assert.strictEqual(asked.length, 3)
    assert.deepInclude(asked[2], { holds: 1, back: 0, least: 0, want: 4 })
  })

  it("keeps nothing while idle", async () => {
    const { asked, clock, take } = await holding(20)
    take()
    await clock.pass(4000)
    await clock.pass(4000)
    assert.deepStrictEqual(asked.slice(1).map(({ back, holds, want }) => [holds, back, want]), [[1, 18, 0], [0, 1, 0]])
  })

  it("tells soon of much that was spent: the bucket is not refilled with what it thinks is held", async () => {
    const { asked, clock, due, take } = await holding(200)
    assert.strictEqual(asked.length, 1)
    for (let n = 0; n < 50; n++) take()
    await clock.pass(0)
    assert.strictEqual(asked.length, 1)
    take()
    assert.deepStrictEqual(due(), [lease / 3]) // no timer, but now
    await clock.pass(0)
    assert.strictEqual(asked.length, 2)
  })

  it("tells at once of what was spent while a question was on its way", async () => {
    for (const [spends, questions] of [[51, 3], [50, 2]] as const) {
      const { asked, clock, demand, script, take } = await holding(200)
      Object.assign(demand, { first: 1, waiting: 100 })
      script.delay = 50
      for (let n = 0; n < 51; n++) take()
      await clock.pass(10)
      for (let n = 0; n < spends; n++) assert.isTrue(take())
      await clock.pass(60)
      assert.strictEqual(asked.length, questions)
    }
  })

  it("tells of it when it may ask again, where it was told to wait, with one timer for all", async () => {
    const { asked, clock, held, script, take } = scene()
    clock.time = 1000
    script.answer = () => ({ granted: 60, retryAfter: 300 })
    take(100)
    await clock.pass(0)
    const timers = held.length
    for (let n = 0; n < 60; n++) take()
    assert.strictEqual(held.length, timers + 1)
    await clock.pass(299)
    assert.strictEqual(asked.length, 1)
    await clock.pass(1)
    assert.strictEqual(asked.length, 2)
  })
})

describe("the lease", () => {
  it("is renewed after a third of it, holding no process, until a minute went by without a call", async () => {
    const { asked, clock, due, held, take } = await holding(0)
    take()
    await clock.pass(0)
    const third = lease / 3
    assert.approximately(due()[0]!, third, 1e-9)
    await clock.pass(59_999)
    assert.isTrue(asked.every((request) => request.lease === lease))
    const before = asked.length
    await clock.pass(4000)
    assert.deepStrictEqual(asked.slice(before).map((request) => request.lease), [0])
    assert.deepStrictEqual(due(), [])
    assert.isTrue(held.every((holds) => !holds))
  })

  it("is renewed for who waits, however long ago the last call passed", async () => {
    const { asked, clock, demand } = await holding(0)
    Object.assign(demand, { first: 1, waiting: 1 })
    await clock.pass(80_000)
    assert.isTrue(asked.every((request) => request.lease === lease))
    assert.isAbove(asked.length, 10)
  })

  it("is given up at once, with all it holds", async () => {
    const { clock, demand, due, last, meter, take } = await holding(30)
    Object.assign(demand, { first: 3, waiting: 7 })
    meter.leave(clock.time)
    await clock.pass(0)
    assert.deepInclude(last(), { lease: 0, holds: 0, back: 30, least: 0, want: 0 })
    Object.assign(demand, { first: 0, waiting: 0 })
    assert.deepStrictEqual(due(), [])
    assert.isFalse(take(1))
    await clock.pass(0)
    assert.deepInclude(last(), { lease, holds: 0, want: 1 })
  })

  it("is not given up where the store knows of none", async () => {
    const { asked, clock, meter } = scene()
    meter.leave(clock.time)
    await clock.pass(0)
    assert.strictEqual(asked.length, 0)
  })
})

describe("alone", () => {
  it("says so once, with why and with how many it shares", async () => {
    const { clock, take, told } = await alone({}, 4)
    assert.deepStrictEqual(told.map(({ error, ...rest }) => [rest, String(error)]), [[{ together: false, processes: 4 }, "Error: refused"]])
    clock.time = 2000
    take()
    await clock.pass(0)
    assert.strictEqual(told.length, 1)
  })

  it("wakes who waits, and sets no timer, however much is spent", async () => {
    const { due, take, wakes } = await alone({}, 1, 100)
    assert.deepStrictEqual(wakes, [0, 100])
    assert.isTrue(take(60))
    assert.deepStrictEqual(due(), [])
  })

  it("is when no answer comes in a second, too", async () => {
    const { clock, script, take, told } = scene()
    script.answer = () => "silent"
    take()
    await clock.pass(999)
    assert.strictEqual(told.length, 0)
    await clock.pass(1)
    assert.match(String(told[0]!.error), /The store of the limit did not answer within a second/)
  })

  it("spends its share: the limit and the bucket by the number of processes", async () => {
    const { clock, take, wait } = await alone({}, 4) // 25 a second, 25 at once
    assert.isTrue(wait(1) > 0)
    let passed = 0
    for (; clock.time < 10_100; clock.time += 10) while (take()) passed++
    assert.approximately(passed, 250, 1)
  })

  it("keeps what it held, as much as its share holds", async () => {
    const { take } = await alone({}, 4, 60)
    let passed = 0
    while (take()) passed++
    assert.strictEqual(passed, 25)
    const few = await alone({}, 4, 7)
    assert.deepStrictEqual([few.take(8), few.take(7), few.take(1)], [false, true, false])
  })

  it("asks again after 1, 1.5, 2.25, 3.4 and then 5 seconds, by chance the upper half of each", async () => {
    for (const random of [1, 0]) {
      const all = scene()
      all.script.answer = () => "refuses"
      all.chance.random = random
      for (let n = 0; n < 60_000; n++) {
        all.take()
        await all.clock.pass(0)
        all.clock.time += 1
        if (all.asked.length === 7) break
      }
      const times = all.asked.map(({ time }) => time)
      const pauses = times.slice(1).map((time, n) => time - times[n]!)
      const expected = [1000, 1500, 2250, 3375, 5000, 5000].map((pause) => Math.ceil(pause * (1 + random) / 2))
      assert.deepStrictEqual(pauses, expected)
      const turns = all.asked.map(({ turn }) => turn)
      assert.isTrue(turns.slice(1).every((turn, n) => turn > turns[n]!), "an answer to the last question is void for the next")
    }
  })

  it("says how long its share takes", async () => {
    const { clock, estimate, wait } = await alone({ limit: 10, burst: 10 }, 5) // 2 a second
    assert.deepStrictEqual([estimate(1), estimate(4), wait(1)], [500, 2000, 500])
    assert.strictEqual(wait(4), 750) // it asks by then
    clock.time += 10_000
    assert.deepStrictEqual([wait(2), estimate(2)], [1, 0])
  })

  it("is over with the next answer, which is said once; what it holds then is what it was given", async () => {
    const { clock, script, take, told } = await alone({}, 2)
    clock.time = 5000
    script.answer = () => ({ granted: 3, processes: 6 })
    take()
    await clock.pass(0)
    assert.deepStrictEqual(told.slice(1), [{ together: true, processes: 6, error: undefined }])
    assert.deepStrictEqual([take(4), take(3)], [false, true])
    clock.time = 5100
    take(50)
    await clock.pass(0)
    assert.strictEqual(told.length, 2)
  })

  it("hears nothing that comes too late", async () => {
    const { clock, script, take, told, wakes } = scene()
    script.delay = 1500
    take()
    await clock.pass(1499)
    const before = wakes.length
    await clock.pass(100)
    assert.deepStrictEqual([told.length, wakes.length], [1, before])
  })

  it("has the share of other settings at once, with what it has spent", async () => {
    const { clock, meter, settings, take } = await alone({}, 2, 50) // 50 a second, 50 at once, and it has them
    assert.isTrue(take(20))
    meter.update({ ...settings, burst: 80 }, clock.time)
    assert.deepStrictEqual([take(21), take(20), take(1)], [false, true, false])
  })

  it("lets a heavy call pass at its rate", async () => {
    const { clock, take } = await alone({ limit: 10, burst: 10 }, 5) // 2 a second, 2 at once
    assert.isFalse(take(10))
    clock.time += 4990
    assert.isFalse(take(10))
    clock.time += 20
    assert.isTrue(take(10))
  })
})

describe("anew", () => {
  it("has nothing, awaits nothing, and hears no answer to what it asked before", async () => {
    const { asked, clock, due, meter, script, take, wakes } = await holding(10)
    script.delay = 50
    take(11)
    await clock.pass(10)
    meter.restart(clock.time)
    const before = wakes.length
    assert.deepStrictEqual(due().filter((at) => at > 100), [])
    await clock.pass(100)
    assert.deepStrictEqual([wakes.length, take(1)], [before, false])
    await clock.pass(0)
    assert.strictEqual(asked.length, 3)
    assert.isTrue(asked[2]!.turn > asked[1]!.turn)
    assert.deepInclude(asked[2], { holds: 0, back: 0, want: 1 })
  })

  it("takes other settings from the next question on", async () => {
    const { clock, last, meter, take } = await holding(0)
    meter.update({ limit: 7, window: 500, burst: 9 }, clock.time)
    clock.time = 200
    take(20)
    await clock.pass(0)
    assert.deepInclude(last(), { limit: 7, window: 500, burst: 9, least: 9, want: 9 })
  })
})
