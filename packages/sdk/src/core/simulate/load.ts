/** Who calls, when, and what callers do who are not served: an open loop, for the world does not wait for its turn. */
import type { DurationInput } from "../time/duration.ts"
import type { Reader } from "../options/reader.ts"

/** From this moment on so many come; reached bit by bit when `over` is said. */
export interface LoadStep<D = DurationInput> {
  readonly at: D
  readonly perSecond: number
  readonly over?: D | undefined
}

/** The callers. */
export interface LoadOptions<D = DurationInput> {
  /** How many come each second: always as many, or in steps and ramps. */
  readonly perSecond: number | ReadonlyArray<LoadStep<D>>
  /** One by one and independent of each other ("poisson", unless said), or like clockwork. */
  readonly arrivals?: "poisson" | "even" | undefined
  /** How many processes call, each with a policy of its own: its own breaker, its own budget. 1 unless said. */
  readonly clients?: number | undefined
  /** A caller who has no answer by then gives up; nobody does unless said. */
  readonly patience?: D | false | undefined
  /** People whose call failed press the button again. Nobody does unless said. */
  readonly comeAgain?: ComeAgainOptions<D> | false | undefined
}

export interface ComeAgainOptions<D = DurationInput> {
  /** Of those whose call failed, was rejected, or who gave up; 1 is all. */
  readonly share: number
  /** After how long, on average. */
  readonly after: D
  /** How often at most; 3 unless said. */
  readonly times?: number | undefined
}

/** Milliseconds, and callers per millisecond, which change by `slope` each millisecond. */
export interface Piece {
  readonly from: number
  readonly to: number
  readonly rate: number
  readonly slope: number
}

export interface LoadSettings {
  readonly pieces: ReadonlyArray<Piece>
  readonly arrivals: "poisson" | "even"
  readonly clients: number
  readonly patience: number
  readonly comeAgain: { readonly share: number; readonly after: number; readonly times: number } | undefined
}

const readPieces = (read: Reader, steps: ReadonlyArray<LoadStep<unknown>>, duration: number): ReadonlyArray<Piece> => {
  const pieces: Array<Piece> = []
  let rate = 0
  let end = 0
  steps.forEach((step, n) => {
    const option = `load.perSecond[${n}]`
    read.known(`${option}.`, step, ["at", "perSecond", "over"])
    const at = read.millis(`${option}.at`, step.at, "from zero")
    if (at < end) read.refuse(`${option}.at`, step.at, `at or after the end of the step before (${end} ms)`)
    const over = step.over === undefined ? 0 : read.millis(`${option}.over`, step.over)
    const to = read.number(`${option}.perSecond`, step.perSecond, 0, 1e6) / 1000
    if (at > end) pieces.push({ from: end, to: at, rate, slope: 0 })
    if (over > 0) pieces.push({ from: at, to: at + over, rate, slope: (to - rate) / over })
    end = at + over
    rate = to
  })
  pieces.push({ from: end, to: Infinity, rate, slope: 0 })
  return pieces.filter(({ from }) => from < duration)
}

const readComeAgain = (read: Reader, options: ComeAgainOptions<unknown>): LoadSettings["comeAgain"] => {
  read.known("load.comeAgain.", options, ["share", "after", "times"])
  return {
    share: read.number("load.comeAgain.share", options.share, 0, 1),
    after: read.millis("load.comeAgain.after", options.after),
    times: read.whole("load.comeAgain.times", options.times ?? 3, 1)
  }
}

export const readLoad = (read: Reader, options: LoadOptions<unknown>, duration: number): LoadSettings => {
  read.known("load.", options, ["perSecond", "arrivals", "clients", "patience", "comeAgain"])
  const { perSecond } = options
  const steps = Array.isArray(perSecond) ? perSecond as ReadonlyArray<LoadStep<unknown>> : undefined
  if (steps?.length === 0) read.refuse("load.perSecond", perSecond, "a number, or steps with at least one of them")
  const constant = () => [{ from: 0, to: Infinity, rate: read.number("load.perSecond", perSecond, 0, 1e6) / 1000, slope: 0 }]
  const clients = read.whole("load.clients", options.clients ?? 1, 1)
  return {
    pieces: steps === undefined ? constant() : readPieces(read, steps, duration),
    arrivals: read.oneOf("load.arrivals", options.arrivals ?? "poisson", ["poisson", "even"]),
    clients: clients <= 10_000 ? clients : read.refuse("load.clients", clients, "at most 10000"),
    patience: read.limit("load.patience", options.patience),
    comeAgain: options.comeAgain === undefined || options.comeAgain === false ? undefined : readComeAgain(read, options.comeAgain)
  }
}

const areaOf = ({ rate, slope }: Piece, from: number, length: number): number =>
  length === Infinity ? (rate > 0 ? Infinity : 0) : (rate + slope * from + slope * length / 2) * length

/** How many come until then, on average. */
export const expected = (pieces: ReadonlyArray<Piece>, until: number): number =>
  pieces.reduce((sum, piece) => sum + areaOf(piece, 0, Math.max(0, Math.min(piece.to, until) - piece.from)), 0)

/** The moments at which callers come. */
export class Arrivals {
  private readonly pieces: ReadonlyArray<Piece>
  private index = 0
  private at = 0

  constructor(pieces: ReadonlyArray<Piece>) {
    this.pieces = pieces
  }

  /** When `share` more have come, above zero: 1 for like clockwork, exponential for one by one. Infinity when nobody comes any more. */
  next(share: number): number {
    for (;;) {
      const piece = this.pieces[this.index]
      if (piece === undefined) return Infinity
      const from = this.at - piece.from
      const area = areaOf(piece, from, piece.to - this.at)
      if (area >= share) {
        const rate = piece.rate + piece.slope * from
        // rate * time + slope * time^2 / 2 = share, solved in the form that also holds where the slope is zero
        return this.at += 2 * share / (rate + Math.sqrt(Math.max(0, rate ** 2 + 2 * piece.slope * share)))
      }
      share -= area
      this.at = piece.to
      this.index++
    }
  }
}
