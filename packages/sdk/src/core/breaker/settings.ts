/** A breaker's options made whole: milliseconds, and Infinity for what is off. What is left out is off too. */

/** The calls that a rate is taken over: the last so many, or those of the last so many milliseconds. */
export type WindowShape = { readonly calls: number } | { readonly millis: number }

/** What is measured over a window, and from where on it opens. */
export interface SamplingSettings {
  readonly window: WindowShape
  /** Fewer say nothing. */
  readonly minimumCalls: number
  /** The share of failures that opens, above 0 and at most 1. */
  readonly rate: number
  /** A call that takes longer than this is slow. */
  readonly slowOver: number
  /** The share of slow calls that opens. */
  readonly slowRate: number
}

export interface BreakerSettings {
  /** In a row, to open. */
  readonly failures: number
  readonly sampling?: SamplingSettings | undefined
  /** The first time after it was closed. */
  readonly openFor: number
  /** Each opening after a failed probe lasts `factor` times the one before, at most `max`. */
  readonly growth?: { readonly factor: number; readonly max: number } | undefined
  /** How many calls may try while half-open. */
  readonly halfOpenCalls: number
  /** The share of them that must succeed to close, above 0 and at most 1; 1 when left out. */
  readonly successRatio?: number | undefined
  /** How long a probe may hold its place. */
  readonly probeLease: number
  /** How long the share that is let through grows after it closed. */
  readonly rampUp?: number | undefined
  /** Does all that it does, and lets everything through. */
  readonly observe?: boolean | undefined
  /** Never opens. */
  readonly disabled?: boolean | undefined
  /** How many breakers of these settings there may be, where each key has its own; 1000 when left out. */
  readonly maxKeys?: number | undefined
}

/** How long it stays open after so many failed tries to close, without a close in between. */
export const openTime = ({ growth, openFor }: Pick<BreakerSettings, "growth" | "openFor">, reopenings: number): number =>
  growth === undefined ? openFor : Math.min(growth.max, openFor * growth.factor ** reopenings)
