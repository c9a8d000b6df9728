/** When to stop calling, as people write it. */
import type { BreakerSettings, SamplingSettings, WindowShape } from "../breaker/breaker.ts"
import type { BreakerSharing, BreakerStore, SharingOptions } from "../breaker/sharing.ts"
import type { DurationInput } from "../time/duration.ts"
import type { Reader } from "./reader.ts"

/** Several ways to trip may be given at once: any of them opens. */
export interface BreakerOptions<D = DurationInput> {
  /** In a row, to open; 5 unless said, and off unless said where `rate` or `slow` is given. */
  readonly failures?: number | undefined
  /** The share of failures among the calls of the window that opens, above 0 and at most 1; off unless said. */
  readonly rate?: number | undefined
  /** The share of slow calls that opens; off unless said. */
  readonly slow?: SlowOptions<D> | undefined
  /**
   * The calls that `rate` and `slow` are shares of: those of a time, or the last so many (at most 100,000); 10 seconds unless
   * said. A time is counted in ten slots: a call counts for at least nine tenths of it, and never for longer.
   */
  readonly window?: D | { readonly calls: number } | undefined
  /** Fewer calls in the window say nothing; 20 unless said, or the window's calls where they are fewer. */
  readonly minimumCalls?: number | undefined
  /** Fixed, or longer after each failed try to close; 60 seconds unless said. */
  readonly openFor?: D | GrowingOptions<D> | undefined
  /** How many calls may try while half-open; 1 unless said. */
  readonly halfOpenCalls?: number | undefined
  /** The share of them that must succeed to close; 1 unless said: then one failure opens it again. */
  readonly successRatio?: number | undefined
  /** How long a probe may hold its place; the first `openFor` unless said. */
  readonly probeLease?: D | undefined
  /** After a close, the share of calls that is let through grows over this time, from a tenth to all; all at once unless said. */
  readonly rampUp?: D | undefined
  /** A dry run: every change and event happens, and nothing is rejected, but by `isolate`. */
  readonly observe?: boolean | undefined
  /** Never opens, but by `isolate`. */
  readonly disabled?: boolean | undefined
  /** How many keys may have a breaker of their own, where calls say a key; 1000 unless said. */
  readonly maxKeys?: number | undefined
  /**
   * Shares it with the other processes that say the same name and store: what opens most of them opens all, and one of them
   * finds out for all when it is over. A store alone shares as usual. Breakers of keys are not shared.
   */
  readonly shared?: BreakerStore | SharingOptions<D> | undefined
}

export interface SlowOptions<D = DurationInput> {
  /** A call that takes longer is slow, whether it succeeds or fails. */
  readonly over: D
  /** Of the calls of the window, above 0 and at most 1. */
  readonly rate: number
}

/** Back to `base` once it was closed. */
export interface GrowingOptions<D = DurationInput> {
  readonly base: D
  /** Each opening in a row lasts this many times the one before; 2 unless said. */
  readonly factor?: number | undefined
  /** None lasts longer; 10 minutes unless said, or `base` where that is longer. */
  readonly max?: D | undefined
}

const names = [
  "failures", "rate", "slow", "window", "minimumCalls", "openFor", "halfOpenCalls", "successRatio", "probeLease", "rampUp",
  "observe", "disabled", "maxKeys", "shared"
] as const satisfies ReadonlyArray<keyof BreakerOptions>

/** One of the forms that an option may have is told by its first key; durations may be objects of their own. */
const has = (value: unknown, key: string): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && key in value

const mostCalls = 100_000

const readWindow = (read: Reader, window: unknown): WindowShape => {
  if (!has(window, "calls")) return { millis: read.millis("breaker.window", window) }
  read.known("breaker.window.", window, ["calls"])
  const calls = read.whole("breaker.window.calls", window["calls"], 1)
  return calls <= mostCalls ? { calls } : read.refuse("breaker.window.calls", calls, `a whole number from 1 to ${mostCalls}`)
}

const readSampling = (read: Reader, { minimumCalls, rate, slow, window }: BreakerOptions<unknown>): SamplingSettings | undefined => {
  if (rate === undefined && slow === undefined) {
    for (const [option, value] of Object.entries({ window, minimumCalls })) {
      if (value !== undefined) read.refuse(`breaker.${option}`, value, "left out: it is for rate and slow")
    }
    return undefined
  }
  if (slow !== undefined) read.known("breaker.slow.", slow, ["over", "rate"])
  const shape = readWindow(read, window ?? 10_000)
  const most = "calls" in shape ? shape.calls : Infinity
  const least = read.whole("breaker.minimumCalls", minimumCalls ?? Math.min(20, most), 1)
  return {
    window: shape,
    minimumCalls: least <= most ? least : read.refuse("breaker.minimumCalls", least, `at most breaker.window.calls (${most})`),
    rate: rate === undefined ? Infinity : read.share("breaker.rate", rate),
    slowOver: slow === undefined ? Infinity : read.millis("breaker.slow.over", slow.over),
    slowRate: slow === undefined ? Infinity : read.share("breaker.slow.rate", slow.rate)
  }
}

const readOpenFor = (read: Reader, openFor: unknown): Pick<BreakerSettings, "growth" | "openFor"> => {
  if (!has(openFor, "base")) return { openFor: read.millis("breaker.openFor", openFor), growth: undefined }
  read.known("breaker.openFor.", openFor, ["base", "factor", "max"])
  const base = read.millis("breaker.openFor.base", openFor["base"])
  const max = openFor["max"] === undefined ? Math.max(base, 600_000) : read.millis("breaker.openFor.max", openFor["max"])
  if (base > max) read.refuse("breaker.openFor.base", openFor["base"], `at most breaker.openFor.max (${max} ms)`)
  return { openFor: base, growth: { factor: read.number("breaker.openFor.factor", openFor["factor"] ?? 2, 1, 1000), max } }
}

export const readBreaker = (read: Reader, options: BreakerOptions<unknown>): BreakerSettings => {
  read.known("breaker.", options, names)
  const sampling = readSampling(read, options)
  const { growth, openFor } = readOpenFor(read, options.openFor ?? 60_000)
  const failures = options.failures ?? (sampling === undefined ? 5 : undefined)
  return {
    failures: failures === undefined ? Infinity : read.whole("breaker.failures", failures, 1),
    sampling, openFor, growth,
    halfOpenCalls: read.whole("breaker.halfOpenCalls", options.halfOpenCalls ?? 1, 1),
    successRatio: read.share("breaker.successRatio", options.successRatio ?? 1),
    probeLease: options.probeLease === undefined ? openFor : read.millis("breaker.probeLease", options.probeLease),
    rampUp: options.rampUp === undefined ? undefined : read.millis("breaker.rampUp", options.rampUp),
    observe: read.flag("breaker.observe", options.observe ?? false),
    disabled: read.flag("breaker.disabled", options.disabled ?? false),
    maxKeys: read.whole("breaker.maxKeys", options.maxKeys ?? 1000, 1)
  }
}

const sharingNames = ["store", "quorum", "minimumVotes", "interval", "lease"] as const satisfies ReadonlyArray<keyof SharingOptions>

const readStore = (read: Reader, option: string, store: unknown): BreakerStore =>
  has(store, "exchange") && typeof store["exchange"] === "function" && typeof store["share"] === "function" ? store as unknown as BreakerStore
    : read.refuse(option, typeof store, "a BreakerStore, such as sharedState(pool).breakers or breakerStore({ exchange })")

/** How it is shared, by what the store brings along. */
export const readShared = (read: Reader, { shared }: BreakerOptions<unknown>): BreakerSharing | undefined => {
  if (shared === undefined) return undefined
  const alone = has(shared, "exchange")
  const options = (alone ? { store: shared } : shared) as SharingOptions<unknown>
  read.known("breaker.shared.", options, sharingNames)
  return readStore(read, alone ? "breaker.shared" : "breaker.shared.store", options.store).readSharing(read, options)
}
