import * as fc from "fast-check"
import { assert, describe, expect, it } from "vitest"
import { Adaptive, type AdaptiveSample, type AdaptiveSettings, type AdaptiveState, concurrencyOf, initialAdaptive, step } from "../../../src/core/limits/adaptive.ts"
import { type AdaptiveOptions, readAdaptive } from "../../../src/core/options/adaptive.ts"
import { Reader } from "../../../src/core/options/reader.ts"

const settings: AdaptiveSettings = { initial: 20, min: 1, max: 200, tolerance: 1.5 }

interface Server {
  readonly workers: number
  /** How long a worker takes for one call, ms. */
  readonly service: number
  /** How many its callers would have at work at once; as many as they may, unless said. */
  readonly demand?: number
  /** When a caller gives up, ms. */
  readonly timeout?: number
  /** The share that it refuses at once, for whatever reason. */
  readonly refuses?: number
}

const noises = {
  none: () => 1,
  even: (random: () => number) => 0.5 + random(),
  exponential: (random: () => number) => -Math.log(1 - random())
}

/** Keeps a list in order. */
const insert = <A>(list: Array<A>, item: A, key: (item: A) => number): void => {
  let at = list.length
  while (at > 0 && key(list[at - 1]!) > key(item)) at--
  list.splice(at, 0, item)
}

/** A server with its workers and one queue, always as busy as it may be. */
class Plant {
  readonly adaptive: Adaptive
  readonly random: () => number
  private readonly noise: keyof typeof noises
  private now = 0
  private free: Array<number> = []
  private running: Array<AdaptiveSample & { readonly end: number }> = []

  constructor(noise: keyof typeof noises, seed = 1, overrides: Partial<AdaptiveSettings> = {}) {
    this.noise = noise
    this.adaptive = new Adaptive({ ...settings, ...overrides })
    let state = seed * 48_271
    this.random = () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647
  }

  /** Lets so many calls end; what the limit was on average over the last half of them. */
  serve(calls: number, server: Server): number {
    let total = 0
    for (let call = 0; call < calls; call++) {
      while (this.running.length < Math.min(this.adaptive.concurrency, server.demand ?? Infinity)) this.begin(server)
      const ended = this.running.shift()!
      this.now = ended.end
      this.adaptive.record(ended.duration, ended.inFlight, ended.dropped)
      if (call >= calls / 2) total += this.adaptive.state.limit
    }
    return total / (calls / 2)
  }

  private begin({ refuses = 0, service, timeout = Infinity, workers }: Server): void {
    const inFlight = this.running.length + 1
    if (this.random() < refuses) return this.run({ duration: 1, end: this.now + 1, inFlight, dropped: true })
    this.free.splice(0, this.free.length - workers)
    while (this.free.length < workers) this.free.unshift(Math.min(this.now, this.free[0] ?? this.now))
    const end = Math.max(this.now, this.free.shift()!) + service * noises[this.noise](this.random)
    insert(this.free, end, (at) => at)
    const duration = Math.min(timeout, end - this.now)
    this.run({ duration, end: this.now + duration, inFlight, dropped: end - this.now > timeout })
  }

  private run(call: AdaptiveSample & { readonly end: number }): void {
    insert(this.running, call, ({ end }) => end)
  }
}

const between = (value: number, least: number, most: number) => assert.isTrue(value >= least && value <= most, `${value} is not from ${least} to ${most}`)

describe.each(["none", "even", "exponential"] as const)("before a server whose times vary: %s", (noise) => {
  it.each([[4], [10], [40]])("the limit settles between the knee and its tolerance: %d workers", (workers) => {
    for (const seed of [1, 2, 3]) between(new Plant(noise, seed).serve(12_000, { workers, service: 10 }), workers, workers * 2)
  })

  it("the limit does not depend on where it began", () => {
    for (const initial of [1, 20, 200]) between(new Plant(noise, 1, { initial }).serve(50_000, { workers: 16, service: 10 }), 14, 32)
  })

  it("the limit grows to the maximum where nothing ever waits", () => {
    between(new Plant(noise).serve(30_000, { workers: 1000, service: 10 }), 170, 200)
  })

  it("a brown-out shrinks the limit, and it grows again after that", () => {
    const plant = new Plant(noise)
    const limits = [32, 4, 32].map((workers) => plant.serve(10_000, { workers, service: 10 }))
    between(limits[0]!, 30, 64)
    between(limits[1]!, 4, 10)
    between(limits[2]!, 30, 64)
  })

  it("the baseline follows a server that became slower, or faster, as such", () => {
    const plant = new Plant(noise)
    for (const service of [10, 50, 5]) between(plant.serve(20_000, { workers: 32, service }), 28, 64)
  })

  it("steady timeouts, all alike, shrink the limit to its minimum instead of looking like a calm server", () => {
    const plant = new Plant(noise)
    plant.serve(5000, { workers: 32, service: 10, timeout: 1000 })
    assert.strictEqual(plant.serve(2000, { workers: 32, service: 1e6, timeout: 1000 }), 1)
    between(new Plant(noise).serve(2000, { workers: 32, service: 1e6, timeout: 1000 }), 1, 1)
  })

  it("it recovers from timeouts", () => {
    const plant = new Plant(noise)
    plant.serve(2000, { workers: 32, service: 10, timeout: 0.0001 })
    between(plant.serve(12_000, { workers: 32, service: 10, timeout: 1000 }), 28, 64)
  })

  it("a dependency of whose calls some always fail is not choked", () => {
    assert.isAtLeast(new Plant(noise).serve(20_000, { workers: 32, service: 10, refuses: 0.02 }), 15)
  })

  it("a limit that is not used does not grow", () => {
    assert.isAtMost(new Plant(noise).serve(10_000, { workers: 32, service: 10, demand: 9 }), 20)
  })
})

const steady = (overrides: Partial<AdaptiveState> = {}): AdaptiveState =>
  ({ tag: "steady", left: 5, limit: 20, baseline: 10, samples: 0, dropped: 0, duration: 0, peak: 0, ...overrides } as AdaptiveState)
const probing = (overrides: Partial<AdaptiveState> = {}): AdaptiveState =>
  ({ tag: "probing", unread: 0, limit: 20, baseline: 10, samples: 0, dropped: 0, duration: 0, peak: 0, ...overrides } as AdaptiveState)
const samples = (count: number, sample: Partial<AdaptiveSample> = {}): ReadonlyArray<AdaptiveSample> =>
  Array.from({ length: count }, () => ({ duration: 10, inFlight: 10, dropped: false, ...sample }))
const after = (state: AdaptiveState, ...rounds: ReadonlyArray<ReadonlyArray<AdaptiveSample>>) =>
  rounds.flat().reduce((state, sample) => step(state, sample, settings), state)
const grown = 20 + 0.2 * Math.sqrt(20)

describe("a round", () => {
  it.each<[title: string, from: AdaptiveState, samples: ReadonlyArray<AdaptiveSample>, to: Partial<AdaptiveState>]>([
    ["goes on until it has as many samples as may run", steady(), samples(19), { tag: "steady", left: 5, limit: 20, samples: 19, peak: 10, duration: 190 }],
    ["then grows by a fifth of the root, and the next begins", steady(), samples(20), { tag: "steady", left: 4, limit: grown, samples: 0, peak: 0, duration: 0, dropped: 0, baseline: 10 }],
    ["has at least twenty samples", steady({ limit: 3 }), samples(19), { samples: 19 }],
    ["has no more than twenty for a low limit", steady({ limit: 3 }), samples(20), { samples: 0 }],
    ["has as many as the limit, where that is more", steady({ limit: 50.9 }), samples(49), { samples: 49 }],
    ["and then is over", steady({ limit: 50.9 }), samples(50, { inFlight: 40 }), { samples: 0 }],
    ["bears what the tolerance bears", steady(), samples(20, { duration: 15 }), { limit: grown, baseline: 10 }],
    ["shrinks beyond it, by a fifth of the gradient", steady(), samples(20, { duration: 18.75 }), { limit: 19.2, baseline: 10 }],
    ["shrinks by a tenth at most", steady(), samples(20, { duration: 1000 }), { limit: 18, baseline: 10 }],
    ["shrinks by half the share that was dropped", steady(), [...samples(15), ...samples(5, { dropped: true })], { limit: 17.5 }],
    ["shrinks by half when all was dropped, and learns no baseline from it", steady(), samples(20, { duration: 1, dropped: true }), { limit: 10, baseline: 10 }],
    ["does not grow while less than half is used", steady(), samples(20, { inFlight: 9 }), { limit: 20 }],
    ["grows where half is used", steady(), [...samples(19, { inFlight: 1 }), ...samples(1, { inFlight: 10 })], { limit: grown }],
    ["learns its baseline while little is used", steady(), samples(20, { inFlight: 9, duration: 14 }), { baseline: 12, limit: 20 }],
    ["learns no higher baseline while much is used", steady(), samples(20, { duration: 14 }), { baseline: 10 }],
    ["nor one a little lower, which may be chance", steady(), samples(20, { duration: 5 }), { baseline: 10 }],
    ["but one that is less than half", steady(), samples(20, { duration: 4 }), { baseline: 7 }],
    ["takes the first it measures for the baseline", steady({ baseline: Number.NaN }), samples(20, { duration: 30 }), { baseline: 30, limit: grown }],
    ["is followed by a probe when it was the last", steady({ left: 1 }), samples(20), { tag: "probing", limit: grown, unread: 10, baseline: 10 }],
    ["stays within its bounds", steady({ limit: 200 }), samples(200, { inFlight: 200 }), { limit: 200 }]
  ])("%s", (_, from, samples, to) => {
    const state = after(from, samples)
    expect(state).toMatchObject({ ...to, ...(to.limit === undefined ? {} : { limit: expect.closeTo(to.limit, 9) }) })
  })

  it("never falls below the minimum", () => {
    assert.strictEqual(step(steady({ limit: 5, samples: 19, dropped: 19 }), samples(1, { dropped: true })[0]!, { ...settings, min: 4 }).limit, 4)
  })
  it("does not count what is no duration", () => {
    const odd = [Number.NaN, -1, Infinity].map((duration) => ({ duration, inFlight: 10, dropped: false }))
    assert.deepStrictEqual(after(steady(), odd), steady())
  })
  it("takes an instant call for one of a microsecond, and an endless one for a long one", () => {
    assert.strictEqual(after(steady(), samples(2, { duration: 0 })).duration, 0.002)
    assert.strictEqual(after(steady(), samples(1, { duration: 1e300 })).duration, 1e9)
  })
})

describe("a probe", () => {
  it("lets half as many run, and at least the minimum", () => {
    assert.deepStrictEqual([concurrencyOf(probing(), settings), concurrencyOf(probing({ limit: 21.9 }), settings), concurrencyOf(probing({ limit: 1.5 }), settings)], [10, 10, 1])
    assert.deepStrictEqual([concurrencyOf(steady({ limit: 20.9 }), settings), concurrencyOf(probing(), { ...settings, min: 15 })], [20, 15])
  })
  it("counts neither what began before it nor the first that end, for those are the short ones", () => {
    const early = after(probing({ unread: 2 } as AdaptiveState), samples(5, { inFlight: 11 }))
    assert.deepStrictEqual(early, probing({ unread: 2 } as AdaptiveState))
    expect(after(early, samples(3))).toMatchObject({ unread: 0, samples: 1 })
  })
  it.each<[title: string, duration: number, to: Partial<AdaptiveState>]>([
    ["takes what it finds half for the baseline, and comes again soon", 20, { tag: "steady", left: 4, baseline: 15 }],
    ["comes again soon when it finds one that is lower", 6, { tag: "steady", left: 4, baseline: 8 }],
    ["takes its time when it finds about the same", 12.5, { tag: "steady", left: 16, baseline: 11.25, limit: 20 }],
    ["is not sure of more than that", 12.6, { tag: "steady", left: 4, baseline: 11.3, limit: 20 }]
  ])("%s", (_, duration, to) => {
    expect(after(probing(), samples(20, { duration }))).toMatchObject({ ...to, baseline: expect.closeTo(to.baseline!, 9) })
  })
  it("is sure of nothing before there is a baseline", () => {
    expect(after(probing({ baseline: Number.NaN }), samples(20))).toMatchObject({ left: 4, baseline: 10 })
    expect(after(probing({ baseline: Number.NaN }), samples(20, { dropped: true }))).toMatchObject({ left: 4, baseline: Number.NaN, limit: 10 })
  })
})

const anySample = fc.record({
  duration: fc.oneof(fc.double(), fc.double({ min: 0, max: 1000, noNaN: true }), fc.constant(0)),
  inFlight: fc.integer({ min: 1, max: 300 }),
  dropped: fc.boolean()
})

describe("adaptive concurrency at work", () => {
  it("is as its steps, and always within its bounds", () => {
    const bounds = fc.record({ min: fc.integer({ min: 1, max: 30 }), wide: fc.integer({ min: 0, max: 30 }), at: fc.nat(30) })
    fc.assert(fc.property(bounds, fc.array(fc.tuple(anySample, fc.integer({ min: 1, max: 40 })), { maxLength: 40 }), ({ at, min, wide }, runs) => {
      const settings = { min, max: min + wide, initial: min + Math.min(at, wide), tolerance: 1.5 }
      const adaptive = new Adaptive(settings)
      let state = initialAdaptive(settings)
      for (const [sample, times] of runs) {
        for (let n = 0; n < times; n++) {
          const before = adaptive.concurrency
          const changed = adaptive.record(sample.duration, sample.inFlight, sample.dropped)
          state = step(state, sample, settings)
          const { concurrency, state: { limit } } = adaptive
          const sound = concurrency === concurrencyOf(state, settings) && changed === (concurrency !== before) && Number.isInteger(concurrency)
            && concurrency >= settings.min && concurrency <= settings.max && limit >= settings.min && limit <= settings.max
          if (!sound) assert.fail(`${concurrency} of ${limit}, after ${before}`)
        }
        assert.deepStrictEqual(adaptive.state, state)
      }
    }), { numRuns: 2000 })
  })
  it("does not change the state that a step is given", () => {
    const state = Object.freeze(steady())
    step(state, samples(1)[0]!, settings)
    assert.deepStrictEqual(state, steady())
  })
  it("keeps what it found when its bounds change, as far as they allow", () => {
    const adaptive = new Adaptive(settings)
    adaptive.update({ ...settings, max: 15 })
    assert.strictEqual(adaptive.concurrency, 15)
    adaptive.update({ ...settings, min: 30 })
    assert.strictEqual(adaptive.concurrency, 30)
    adaptive.update(settings)
    assert.strictEqual(adaptive.concurrency, 20)
  })
})

describe("options of adaptive concurrency", () => {
  const read = (options: AdaptiveOptions | Record<string, unknown>) => readAdaptive(new Reader("payments"), options)
  it("have defaults", () => {
    assert.deepStrictEqual(read({}), { initial: 20, min: 1, max: 200, tolerance: 1.5 })
    assert.deepStrictEqual([read({ max: 5 }).initial, read({ min: 50 }).initial, read({ min: 500 })], [5, 50, { initial: 500, min: 500, max: 500, tolerance: 1.5 }])
    assert.deepStrictEqual(read({ initial: 3, min: 3, max: 3, tolerance: 1.1 }), { initial: 3, min: 3, max: 3, tolerance: 1.1 })
  })
  it.each([
    [{ min: 0 }, "min"], [{ min: 5, max: 4 }, "min"], [{ max: 0 }, "max"], [{ initial: 0 }, "initial"], [{ initial: 201 }, "initial"], [{ initial: 4, min: 5 }, "initial"],
    [{ tolerance: 1 }, "tolerance"], [{ tolerance: 2 }, "tolerance"], [{ maximum: 5 }, "maximum"]
  ])("%j are refused", (options, option) => {
    expect(() => read(options)).toThrow(expect.objectContaining({ _tag: "InvalidPolicyOption", option: `bulkhead.adaptive.${option}` }))
  })
})

describe("a round's numbers", () => {
  it("begin with a steady one, before a probe", () => {
    assert.deepStrictEqual(initialAdaptive(settings), { tag: "steady", left: 1, limit: settings.initial, baseline: Number.NaN, samples: 0, dropped: 0, duration: 0, peak: 0 })
  })
  it("keep the most that ran at once, whenever that was", () => {
    assert.strictEqual(after(steady(), samples(1, { inFlight: 12 }), samples(3, { inFlight: 3 })).peak, 12)
  })
  it("take the average of those alone that were not dropped", () => {
    assert.strictEqual(after(steady({ baseline: Number.NaN }), samples(15, { duration: 30 }), samples(5, { dropped: true })).baseline, 30)
  })
  it("leave the baseline as it is when all of a probe was dropped, and are as sure of it", () => {
    expect(after(probing(), samples(20, { dropped: true }))).toMatchObject({ tag: "steady", left: 16, baseline: 10, limit: 10 })
  })
})
