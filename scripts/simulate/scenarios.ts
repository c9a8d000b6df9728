/** What `npm run simulate` can play. Each is one sentence of what happens, and the numbers for it. */
import type { PolicyOptions, Simulation } from "../../packages/sdk/src/promise/index.ts"

export interface Scenario {
  readonly about: string
  readonly title?: string
  readonly options: Simulation.Options
}

/** What is played unless `--policy` says another. */
export const usualPolicy: PolicyOptions = {
  timeout: "5 seconds",
  attemptTimeout: "1 second",
  retry: { times: 3, base: "100 millis" },
  breaker: { failures: 5, openFor: "5 seconds" }
}

/** Twenty processes and a dependency that they use by half: it answers 1,970 a second, and lets 4,000 wait. */
const load: Simulation.Load = { perSecond: 1000, clients: 20, comeAgain: { share: 0.5, after: "5 seconds", times: 2 } }
const dependency: Simulation.Model = { latency: { p50: "40 millis", p99: "200 millis" }, workers: 100, queue: 4000 }

const failing = (...faults: ReadonlyArray<Simulation.Fault>): Simulation.Options => ({ load, dependency: { ...dependency, faults }, duration: "150 seconds" })

export const scenarios: Readonly<Record<string, Scenario>> = {
  "outage": {
    about: "refuses everything for 30 seconds, and comes back with cold caches",
    title: "An outage of 30 seconds: naive retries make it last. Outrigger does not.",
    options: failing(
      { kind: "outage", at: "30 seconds", for: "30 seconds" },
      { kind: "slow", at: "60 seconds", for: "5 seconds", slower: 2.5, label: "cold caches" }
    )
  },
  "hang": {
    about: "accepts everything and answers nothing for 30 seconds",
    options: failing({ kind: "outage", at: "30 seconds", for: "30 seconds", hangs: true, label: "hangs" })
  },
  "brown-out": {
    about: "fails two of five, and is half as quick, for 30 seconds",
    options: failing({ kind: "brown-out", at: "30 seconds", for: "30 seconds", fails: 0.4, slower: 2 })
  },
  "slow": {
    about: "takes four times as long for 30 seconds",
    options: failing({ kind: "slow", at: "30 seconds", for: "30 seconds", slower: 4 })
  },
  "rate-limit": {
    about: "answers 429 to what is more than 600 a second, for 30 seconds",
    options: failing({ kind: "rate-limit", at: "30 seconds", for: "30 seconds", perSecond: 600, retryAfter: "2 seconds" })
  },
  "burst": {
    about: "stays well, and for 10 seconds three times as many call",
    options: {
      ...failing(),
      load: { ...load, perSecond: [{ at: 0, perSecond: 1000 }, { at: "30 seconds", perSecond: 3000 }, { at: "40 seconds", perSecond: 1000 }] }
    }
  }
}
