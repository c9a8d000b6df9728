import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { limiterStore, memoryLimiterStore } from "../../../src/core/limits/limiterStore.ts"
import type { RateLimitSettings } from "../../../src/core/limits/rateLimit.ts"
import { Clock, FarStore, Process, Witness } from "../../support/processes.ts"

const settings: RateLimitSettings = { algorithm: "token-bucket", limit: 100, window: 1000, burst: 100, queue: 1000, queueTimeout: Infinity }

const scene = (processes: number, overrides: Partial<RateLimitSettings> = {}, assumed = 1) => {
  const all = { ...settings, ...overrides }
  const clock = new Clock()
  const store = new FarStore(clock, () => 2)
  const witness = new Witness(all)
  const make = () => new Process(clock, store, all, witness.note, assumed)
  return { clock, store, witness, settings: all, make, members: Array.from({ length: processes }, make) }
}

describe("a limit that processes share", () => {
  it("lets no more begin in any interval than one bucket in one process would, whatever they do and whoever dies", async () => {
    const command = fc.record({
      process: fc.nat(4), pass: fc.integer({ min: 0, max: 400 }), calls: fc.integer({ min: 0, max: 30 }), weight: fc.integer({ min: 1, max: 8 }),
      does: fc.constantFrom("calls", "calls", "calls", "calls", "dies", "sleeps")
    })
    const limits = fc.record({
      limit: fc.integer({ min: 1, max: 200 }), window: fc.integer({ min: 50, max: 5000 }), burst: fc.integer({ min: 8, max: 100 }), queue: fc.constantFrom(0, 5, 1000)
    })
    await fc.assert(fc.asyncProperty(limits, fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 1e6 }), fc.array(command, { maxLength: 40 }), async (limit, latency, seed, commands) => {
      const all = { ...settings, ...limit }
      const clock = new Clock(seed)
      const store = new FarStore(clock, () => latency * clock.random())
      const witness = new Witness(all)
      const make = () => new Process(clock, store, all, witness.note)
      const processes = Array.from({ length: 5 }, make)
      for (const { calls, does, pass, process, weight } of commands) {
        if (does === "dies") {
          processes[process]!.dead = true
          processes[process] = make()
        } else if (does === "sleeps") await clock.pass(pass * 40)
        else for (let call = 0; call < calls; call++) processes[process]!.call(weight)
        await clock.pass(pass)
      }
      await clock.pass(20_000)
      assert.isAtMost(witness.overdrawn, 1e-6)
      assert.isTrue(processes.every(({ told }) => told.length === 0))
    }), { numRuns: 400 })
  }, 120_000)

  it.each([
    [1, 100, 1000, 100], [3, 100, 1000, 100], [10, 100, 1000, 100], [10, 1000, 1000, 1000], [20, 1000, 1000, 100], [5, 10, 1000, 10],
    [5, 10, 1000, 1], [3, 5, 60_000, 5], [8, 1000, 60_000, 100], [4, 100, 100, 100], [30, 10, 1000, 10]
  ])("is used to nine tenths and more by %i processes that could use more: %i in %i ms, %i at once", async (processes, limit, window, burst) => {
    for (const queue of [0, 50]) {
      const { clock, members, witness } = scene(processes, { limit, window, burst, queue })
      const rounds = Math.min(4000, window * 10)
      for (let round = 0; round < rounds; round++) {
        for (const member of members) {
          if (queue === 0) for (let call = 0; call <= (30 * limit) / rounds / processes; call++) member.call()
          else while (member.limit.queued < 20 && member.call() !== "rejected");
        }
        await clock.pass((window * 10) / rounds)
      }
      assert.isAtMost(witness.overdrawn, 1e-6)
      assert.isAtLeast(witness.total - burst, 0.9 * limit * 10)
      const began = members.map((member) => member.began)
      assert.isAtLeast(Math.min(...began), (0.5 * witness.total) / processes) // none is left out
    }
  }, 60_000)

  it("admits at once while it has something, and asks the store a few times a second at most", async () => {
    const { clock, members: [one], store } = scene(1)
    for (let call = 0; call < 1000; call++) {
      one!.call()
      await clock.pass(20)
    }
    assert.strictEqual(one!.began, 1000)
    assert.isAtMost(store.questions, 100)
    assert.strictEqual(one!.call(), "begins")
  })

  it("gives one process alone the whole bucket at one time", async () => {
    const { clock, members: [busy, idle] } = scene(2, { queue: 0 })
    idle!.call()
    await clock.pass(8000) // the idle one has given back what it does not need
    for (let call = 0; call < 100; call++) busy!.call()
    await clock.pass(100)
    assert.strictEqual(busy!.began, 100)
  })

  it("lets a call wait for the first answer even without a queue, as many as could pass, and rejects while it is known to be empty", async () => {
    const { clock, members: [one, other] } = scene(2, { queue: 0, burst: 10 })
    assert.deepStrictEqual(Array.from({ length: 12 }, () => one!.call()), [...Array.from({ length: 10 }, () => "waits"), "rejected", "rejected"])
    await clock.pass(10)
    assert.strictEqual(one!.began, 10)
    assert.strictEqual(other!.call(), "waits")
    await clock.pass(4)
    assert.strictEqual(other!.call(), "rejected")
    assert.isAbove(other!.limit.retryAfter(1, clock.time), 0)
    await clock.pass(100)
    assert.strictEqual(other!.began, 1)
  })

  it("says when it could be, at the earliest", async () => {
    const { clock, members: [one] } = scene(1, { burst: 10, limit: 10 })
    assert.deepStrictEqual([1, 10, 11, 15].map((weight) => one!.limit.retryAfter(weight, 0)), [0, 0, 100, 500])
    for (let call = 0; call < 12; call++) one!.call()
    await clock.pass(10)
    assert.deepStrictEqual([one!.began, one!.limit.queued], [10, 2])
    const [soon, later] = [0, 5].map((weight) => one!.limit.retryAfter(weight, clock.time))
    assert.isTrue(soon! >= 100 && soon! <= 210, `${soon}`)
    assert.strictEqual(later! - soon!, 500)
  })

  it("turns away who would have to wait for longer than queueTimeout", async () => {
    const { clock, members: [one] } = scene(1, { burst: 10, limit: 10, queueTimeout: 250 })
    assert.deepStrictEqual(Array.from({ length: 14 }, () => one!.call()).filter((end) => end === "rejected").length, 2)
    await clock.pass(1000)
    assert.strictEqual(one!.began, 12)
  })

  it("lets heavy calls of two processes pass though each alone would empty the bucket, and light ones do not starve them", async () => {
    const { clock, members: [a, b, light], witness } = scene(3, { burst: 10, limit: 10 })
    for (let round = 0; round < 100; round++) {
      if (round % 20 === 0) {
        a!.call(10)
        b!.call(9)
      }
      while (light!.limit.queued < 5) light!.call()
      await clock.pass(200)
    }
    await clock.pass(20_000)
    assert.deepStrictEqual([a!.began, b!.began], [50, 45])
    assert.isAtLeast(light!.began, 80)
    assert.isAtMost(witness.overdrawn, 1e-6)
  })

  it("keeps their order in each process, and none passes one who waits", async () => {
    const { clock, members: [one] } = scene(1, { burst: 5, limit: 5 })
    const order: Array<number> = []
    for (const [name, weight] of [5, 5, 1, 1].entries()) {
      if (!one!.limit.enter(weight, 0)) one!.limit.wait({ ahead: null, behind: null, weight, granted: () => order.push(name) }, 0)
    }
    await clock.pass(10_000)
    assert.deepStrictEqual(order, [0, 1, 2, 3])
  })

  it("loses with a process that dies what that one held, until the lease is over and the refill has brought it back", async () => {
    const { clock, members: [dying, living], store, witness } = scene(2, { limit: 100, burst: 100 })
    for (let call = 0; call < 60; call++) dying!.call()
    store.fate = () => "mute"
    dying!.dead = true
    await clock.pass(900)
    store.fate = () => "answers"
    while (living!.call() === "waits" && living!.limit.queued < 200);
    await clock.pass(100)
    assert.isAtMost(living!.began, 51)
    await clock.pass(10_000)
    assert.strictEqual(living!.began, 200)
    await clock.pass(2000)
    for (let call = 0; call < 100; call++) living!.call()
    await clock.pass(50)
    assert.strictEqual(living!.began, 300)
    assert.isAtMost(witness.overdrawn, 1e-6)
  })

  it("gives all back and leaves after a minute without calls; nothing is left to do then", async () => {
    const { clock, members: [one], store } = scene(1)
    for (let call = 0; call < 30; call++) one!.call()
    await clock.pass(59_000)
    const before = store.questions
    await clock.pass(10_000)
    assert.isAtLeast(store.questions, before + 1)
    const { processes } = store.table.take({ name: "payments", limit: 100, window: 1000, burst: 100, process: "x", turn: 1, holds: 0, back: 0, least: 0, want: 0, lease: 1 }, clock.time)
    assert.strictEqual(processes, 1)
    assert.deepStrictEqual(clock.timers.filter(({ gone }) => !gone), [])
    one!.call()
    await clock.pass(10)
    assert.strictEqual(one!.began, 31)
  })

  it("takes other settings from then on, and lets in all who wait when it is turned off, giving back what it holds", async () => {
    const { clock, members: [one, other] } = scene(2, { limit: 1, burst: 1 })
    for (let call = 0; call < 5; call++) one!.call()
    await clock.pass(10)
    assert.strictEqual(one!.began, 1)
    one!.limit.update({ ...settings, limit: 1000, burst: 5 }, clock.time)
    await clock.pass(1200)
    assert.strictEqual(one!.began, 5)
    one!.limit.update({ ...settings, limit: 1, burst: 5 }, clock.time)
    for (let call = 0; call < 9; call++) one!.call()
    await clock.pass(20)
    one!.limit.open()
    assert.deepStrictEqual([one!.began, one!.limit.queued], [14, 0])
    await clock.pass(20)
    assert.strictEqual(other!.limit.queued, 0)
  })

  it("begins anew on another clock, and keeps who waits", async () => {
    const { clock, members: [one] } = scene(1, { limit: 1, window: 1000, burst: 5 })
    clock.time = 1e6
    for (let call = 0; call < 6; call++) one!.call()
    await clock.pass(10)
    assert.deepStrictEqual([one!.began, one!.limit.queued], [5, 1])
    const other = new Clock(3)
    one!.limit.moveTo(other)
    one!.limit.moveTo(other)
    for (let second = 0; second < 3; second++) {
      await other.pass(1000)
      await clock.pass(1000) // the store's
    }
    assert.deepStrictEqual([one!.began, one!.limit.queued], [6, 0])
    assert.deepStrictEqual(clock.timers.filter(({ gone }) => !gone), [])
  })

  it("asks nobody when it is turned off before its first call", async () => {
    const { clock, members: [one], store } = scene(1)
    one!.limit.open()
    await clock.pass(100)
    assert.strictEqual(store.questions, 0)
  })

  it("is the same over a store in this process", async () => {
    const clock = new Clock()
    const witness = new Witness(settings)
    const store = memoryLimiterStore(clock.now)
    const members = Array.from({ length: 3 }, () => new Process(clock, store, settings, witness.note))
    for (let round = 0; round < 300; round++) {
      for (const member of members) while (member.limit.queued < 5) member.call()
      await clock.pass(10)
    }
    assert.isAtMost(witness.overdrawn, 1e-6)
    assert.isAtLeast(witness.total, 390)
  })
})

describe("while the store cannot be reached", () => {
  const saturate = async (clock: Clock, members: ReadonlyArray<Process>, millis: number) => {
    for (let round = 0; round < millis / 10; round++) {
      for (const member of members) while (member.limit.queued < 5 && member.call() !== "rejected");
      await clock.pass(10)
    }
  }

  it.each(["refuses", "mute", "lost"] as const)("(it %s) each goes on by its share, says so once, and joins again when it is back", async (fate) => {
    const { clock, members, store, witness } = scene(4)
    await saturate(clock, members, 2000)
    store.fate = () => fate
    await saturate(clock, members, 3000)
    const before = members.map(({ began }) => began)
    await saturate(clock, members, 20_000)
    for (const [index, { began, told }] of members.entries()) {
      assert.approximately(began - before[index]!, 20 * 25, 1)
      assert.deepStrictEqual(told.map(({ processes, together }) => [together, processes]), [[false, 4]])
      assert.match(String(told[0]!.error), fate === "refuses" ? /ECONNREFUSED/ : /did not answer within a second/)
    }
    assert.isAtMost(witness.overdrawn, 1e-6) // the sum of the shares is the limit
    store.fate = () => "answers"
    await saturate(clock, members, 7000)
    for (const { told } of members) assert.deepStrictEqual(told.map(({ together }) => together), [false, true])
    assert.isAtMost(witness.overdrawn, settings.burst + settings.limit * 6)
    const total = witness.total
    await saturate(clock, members, 10_000)
    assert.approximately(witness.total - total, 1000, 10)
  })

  it("counts on as many processes as it was told to, before the store has ever answered", async () => {
    const { clock, members: [one], store } = scene(1, {}, 5)
    store.fate = () => "refuses"
    await saturate(clock, [one!], 10_000)
    assert.approximately(one!.began, 200, 3)
    assert.deepStrictEqual(one!.told.map(({ processes }) => processes), [5])
  })

  it("keeps what it holds, as much as its share may hold, and no longer than the lease", async () => {
    const { clock, members: [one], store } = scene(1, { limit: 1, window: 10_000, burst: 20 })
    for (let call = 0; call < 5; call++) one!.call()
    await clock.pass(10)
    one!.call()
    await clock.pass(10)
    store.fate = () => "refuses"
    await clock.pass(4000)
    assert.strictEqual(one!.told.length, 1)
    const before = one!.began
    for (let call = 0; call < 30; call++) one!.call()
    await clock.pass(1)
    assert.isAtMost(one!.began - before, 15)
  })

  it("lets heavy calls pass as well, at its rate", async () => {
    const { clock, members: [one], store } = scene(1, { limit: 10, burst: 10 }, 5)
    store.fate = () => "refuses"
    for (let call = 0; call < 4; call++) one!.call(10)
    await clock.pass(22_000) // 2 a second: each of them takes 5 seconds
    assert.strictEqual(one!.began, 40)
  })

  it("hears no answer that comes too late", async () => {
    const { clock, members: [one], store } = scene(1, { limit: 1, window: 1000, burst: 50 }, 50)
    store.latency = () => 600
    for (let call = 0; call < 50; call++) one!.call()
    await clock.pass(1300)
    assert.isAtMost(one!.began, 1)
    assert.strictEqual(one!.told.length, 1)
  })

  it("takes the share of other settings at once", async () => {
    const { clock, members: [one], store } = scene(1, { limit: 10, burst: 10 }, 2)
    store.fate = () => "refuses"
    await saturate(clock, [one!], 10_000)
    one!.limit.update({ ...settings, limit: 100, burst: 10, sharing: { store: limiterStore(store), processes: 4 } }, clock.time)
    const before = one!.began
    await saturate(clock, [one!], 10_000)
    assert.approximately(one!.began - before, 250, 4)
  })
})
