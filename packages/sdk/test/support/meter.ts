/** A shared meter before a store that answers as a script says, on a clock that is moved by hand. */
import { limiterStore } from "../../src/core/limits/limiterStore.ts"
import type { MeterSettings } from "../../src/core/limits/meter.ts"
import type { SharingState } from "../../src/core/limits/rateLimit.ts"
import type { Allotment, AllotmentRequest } from "../../src/core/limits/sharedBucket.ts"
import { type Demand, SharedMeter } from "../../src/core/limits/sharedMeter.ts"
import { Clock } from "./processes.ts"

type Answer = Partial<Allotment> | "refuses" | "silent"

export const scene = (over: Partial<MeterSettings> = {}, processes = 1) => {
  const settings = { limit: 100, window: 1000, burst: 100, ...over }
  const clock = new Clock()
  const chance = { random: 0.5 }
  const held: Array<boolean> = []
  const { at } = clock
  Object.assign(clock, {
    random: () => chance.random,
    at: (delay: number, fire: () => void) => ({ ...at(delay, fire), hold: (on: boolean) => held.push(on) })
  })
  const asked: Array<AllotmentRequest & { readonly time: number }> = []
  /** All that is wanted, unless said; after so long. */
  const script = { answer: (_: AllotmentRequest): Answer => ({}), delay: 0 }
  const store = limiterStore({
    take: async (request) => {
      asked.push({ ...request, time: clock.time })
      const answer = script.answer(request)
      if (answer === "silent") return new Promise(() => {})
      if (script.delay > 0) await new Promise<void>((resolve) => at(script.delay, resolve))
      if (answer === "refuses") throw new Error("refused")
      return { granted: request.want, kept: request.holds, retryAfter: 0, processes: 1, ...answer }
    }
  })
  const told: Array<SharingState> = []
  const wakes: Array<number> = []
  const demand = { port: clock, first: 0, waiting: 0, wake: (now: number) => { wakes.push(now) } }
  const meter = new SharedMeter("payments", settings, { store, processes }, (state) => told.push(state))
  meter.attach(demand satisfies Demand)
  return {
    asked, chance, clock, demand, held, meter, script, told, wakes, settings, store,
    take: (weight = 1) => meter.take(weight, clock.time),
    wait: (weight = 1) => meter.wait(weight, clock.time),
    estimate: (weight = 1) => meter.estimate(weight, clock.time),
    /** When the timers are due that wait. */
    due: () => clock.timers.filter(({ gone }) => !gone).map(({ due }) => due),
    last: () => asked.at(-1)!
  }
}

/** One that has been given so much: what it may spend. */
export const holding = async (granted: number, over: Partial<MeterSettings> = {}, processes = 1) => {
  const all = scene(over, processes)
  all.script.answer = () => ({ granted, processes })
  all.take()
  await all.clock.pass(0)
  all.script.answer = () => ({})
  return all
}

/** One whose store refuses since 100 ms: it spends its share. */
export const alone = async (over: Partial<MeterSettings> = {}, processes = 1, held = 0) => {
  const all = await holding(held, over, processes)
  all.script.answer = () => "refuses"
  all.clock.time = 100
  Object.assign(all.demand, { first: 1, waiting: all.settings.burst })
  all.take(1000)
  await all.clock.pass(0)
  Object.assign(all.demand, { first: 0, waiting: 0 })
  return all
}
