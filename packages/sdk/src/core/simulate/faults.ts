/** What goes wrong with a simulated dependency, and when. Faults may overlap: the worse of them is what callers see. */
import type { DurationInput } from "../time/duration.ts"
import type { Reader } from "../options/reader.ts"

/** From when on, for how long, and how a plot calls it: its kind unless said. */
interface Span<D> {
  readonly at: D
  readonly for: D
  readonly label?: string | undefined
}

/** How many requests it takes in each second before it answers 429. */
export interface ServerLimitOptions<D = DurationInput> {
  readonly perSecond: number
  /** How many at once after a quiet time; as many as in one second unless said. */
  readonly burst?: number | undefined
  /** What its `Retry-After` says, in whole seconds; 1 second unless said. */
  readonly retryAfter?: D | undefined
}

/** A line of the script. */
export type FaultOptions<D = DurationInput> =
  /** Every connection is refused at once, and what was at work is lost; or it `hangs`: nothing is ever answered. */
  | Span<D> & { readonly kind: "outage"; readonly hangs?: boolean | undefined }
  /** A share of the answers are failures, and all of them are `slower` times slower. */
  | Span<D> & { readonly kind: "brown-out"; readonly fails: number; readonly slower?: number | undefined }
  /** All answers take `slower` times as long. */
  | Span<D> & { readonly kind: "slow"; readonly slower: number }
  /** It answers 429 to whatever is too much. */
  | Span<D> & { readonly kind: "rate-limit" } & ServerLimitOptions<D>

/** Milliseconds, and requests per millisecond. */
export interface ServerLimit {
  readonly rate: number
  readonly burst: number
  readonly retryAfter: number
}

/** What is wrong at one moment; one fault's own share of it. */
export interface Condition {
  readonly outage: "refuses" | "hangs" | undefined
  readonly fails: number
  readonly slower: number
  readonly limit: ServerLimit | undefined
}

export interface FaultSettings extends Condition {
  readonly kind: FaultOptions["kind"]
  readonly label: string
  readonly from: number
  readonly to: number
}

export const readLimit = (read: Reader, option: string, limit: ServerLimitOptions<unknown>): ServerLimit => {
  const perSecond = read.number(`${option}.perSecond`, limit.perSecond, 0, 1e6)
  return {
    rate: perSecond / 1000,
    burst: read.number(`${option}.burst`, limit.burst ?? Math.max(1, perSecond), 1, 1e6),
    retryAfter: limit.retryAfter === undefined ? 1000 : read.millis(`${option}.retryAfter`, limit.retryAfter, "from zero")
  }
}

const own = { "outage": ["hangs"], "brown-out": ["fails", "slower"], "slow": ["slower"], "rate-limit": ["perSecond", "burst", "retryAfter"] }

const readFault = (read: Reader, option: string, fault: FaultOptions<unknown>): FaultSettings => {
  read.known(`${option}.`, fault, ["kind", "at", "for", "label", ...Object.values(own).flat()])
  const kind = read.oneOf(`${option}.kind`, fault.kind, ["outage", "brown-out", "slow", "rate-limit"])
  read.known(`${option}.`, fault, ["kind", "at", "for", "label", ...own[kind]])
  const from = read.millis(`${option}.at`, fault.at, "from zero")
  const { label = kind } = fault
  if (typeof label !== "string") read.refuse(`${option}.label`, label, "a text")
  const slower = "slower" in fault ? fault.slower ?? 1 : 1
  return {
    kind, label, from,
    to: from + read.millis(`${option}.for`, fault.for),
    outage: fault.kind !== "outage" ? undefined : read.flag(`${option}.hangs`, fault.hangs ?? false) ? "hangs" : "refuses",
    fails: fault.kind === "brown-out" ? read.number(`${option}.fails`, fault.fails, 0, 1) : 0,
    slower: kind === "slow" || kind === "brown-out" ? read.number(`${option}.slower`, slower, 0.001, 1e6) : 1,
    limit: fault.kind === "rate-limit" ? readLimit(read, option, fault) : undefined
  }
}

export const readFaults = (read: Reader, faults: ReadonlyArray<FaultOptions<unknown>>): ReadonlyArray<FaultSettings> => {
  if (!Array.isArray(faults)) read.refuse("dependency.faults", faults, "a list of faults")
  if (faults.length > 100) read.refuse("dependency.faults", faults.length, "at most 100 of them")
  return faults.map((fault, n) => readFault(read, `dependency.faults[${n}]`, fault))
}

/** All that is wrong at this moment, on top of what is so always. */
export const conditionAt = (faults: ReadonlyArray<FaultSettings>, now: number, always: Condition): Condition =>
  faults.filter(({ from, to }) => from <= now && now < to).reduce<Condition>((all, fault) => ({
    outage: all.outage === "refuses" || fault.outage === undefined ? all.outage : fault.outage,
    fails: 1 - (1 - all.fails) * (1 - fault.fails),
    slower: all.slower * fault.slower,
    limit: all.limit === undefined || (fault.limit !== undefined && fault.limit.rate < all.limit.rate) ? fault.limit : all.limit
  }), always)
