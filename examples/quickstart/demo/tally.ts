/** The storm's bookkeeping: what the customers saw and what the payment service counted, made into the figures of the table. */
import type { Counts } from "../ledger.ts"

/** One request of a customer, as it ended. */
export interface Visit {
  readonly kind: "order" | "quote"
  readonly outcome: "good" | "stale" | "error" | "hung"
  readonly millis: number
}

export interface Evidence {
  readonly visits: ReadonlyArray<Visit>
  /** Orders that a customer was told are placed. */
  readonly confirmed: ReadonlySet<string>
  /** Orders in the shop's database. */
  readonly saved: ReadonlySet<string>
  readonly ledger: Counts
  /** Undefined where there are no breakers. */
  readonly openings: number | undefined
  /** The slowest answer of the health endpoint while a handler looped, ms. */
  readonly slowestHealth: number
  readonly gaveUp: number
}

export interface Figures {
  readonly ordersIn: number
  readonly charged: number
  readonly lost: ReadonlyArray<string>
  readonly chargedTwice: ReadonlyArray<string>
  readonly hung: number
  readonly errors: number
  readonly gaveUp: number
  readonly stale: number
  readonly retries: number
  readonly repeated: number
  readonly openings: number | undefined
  readonly p50: number
  readonly p99: number
  readonly slowestHealth: number
}

/** The smallest value that at least `ratio` of all do not exceed; 0 of none. */
export const percentile = (values: ReadonlyArray<number>, ratio: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? 0
}

/** An order is in when a customer was told so, or the shop has it: both are promises. It is lost when nobody ever charged it. */
export const figuresOf = ({ confirmed, gaveUp, ledger, openings, saved, slowestHealth, visits }: Evidence): Figures => {
  const ordersIn = new Set([...confirmed, ...saved])
  const charged = new Set(ledger.ordersCharged)
  const times = visits.map(({ millis }) => millis)
  const count = (...outcomes: ReadonlyArray<Visit["outcome"]>) => visits.filter(({ outcome }) => outcomes.includes(outcome)).length
  return {
    ordersIn: ordersIn.size,
    charged: charged.size,
    lost: [...ordersIn].filter((id) => !charged.has(id)),
    chargedTwice: ledger.chargedTwice,
    hung: count("hung"),
    errors: count("error", "hung"),
    gaveUp,
    stale: count("stale"),
    retries: ledger.retries,
    repeated: ledger.repeated,
    openings,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    slowestHealth
  }
}

/** What the demo promises, of the run with Outrigger: every order in, and each charged exactly once. */
export const isPromiseKept = ({ charged, chargedTwice, lost, ordersIn }: Figures, sent: number): boolean =>
  ordersIn === sent && charged === sent && lost.length === 0 && chargedTwice.length === 0
