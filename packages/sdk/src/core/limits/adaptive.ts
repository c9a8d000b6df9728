/**
 * How many calls may run at once, found by measuring: after Netflix's Gradient2, with a baseline that is looked for.
 *
 *            a round: as many samples as the limit                  16 rounds are over, or 4
 *   steady --------------------------------------> steady ---------------------------------------> probing
 *     ^      dropped some:  limit shrinks by half their share                                       |
 *     |      slower than tolerance * baseline:  limit shrinks by up to a tenth                      |
 *     |      else, and it was used:  limit grows by a fifth of its root                             |
 *     +---------------------------------------------------------------------------------------------+
 *            a round at half the limit: what those calls take is the baseline
 *
 * Gradient2 takes a long average of durations for its baseline, so it learns its own queue: under steady load the limit
 * creeps up to its maximum, and so it does when every call times out alike. Here the baseline is what calls take at half the
 * concurrency. Where that is faster by more than the tolerance, there was a queue, and the limit shrinks; where it is not,
 * the dependency itself has become slower or faster, and the baseline follows. So the limit settles between the knee, where
 * more calls at once begin to take longer, and `tolerance` times the knee. A round of probing in 16 costs a hundredth of
 * the throughput. Dropped calls (timeouts, refusals by overload) tell no duration, for theirs is that of a timer.
 *
 * While less than half of the limit is used it does not grow, for nothing shows that the dependency could bear more.
 */

export interface AdaptiveSettings {
  readonly initial: number
  readonly min: number
  readonly max: number
  /** How much longer than the baseline calls may take before the limit shrinks. */
  readonly tolerance: number
}

export interface AdaptiveSample {
  /** Milliseconds. */
  readonly duration: number
  /** How many were at work when it began, itself among them. */
  readonly inFlight: number
  /** It timed out, or was refused for overload. */
  readonly dropped: boolean
}

interface Round {
  readonly limit: number
  /** What a call takes while there is no queue, ms; NaN as long as nothing was measured. */
  readonly baseline: number
  samples: number
  dropped: number
  /** Of those that were not dropped. */
  duration: number
  /** The most at work at once. */
  peak: number
}

export type AdaptiveState =
  | Round & { readonly tag: "steady"; /** Rounds until the next probe. */ readonly left: number }
  | Round & { readonly tag: "probing"; /** Which of its calls end first are the short ones: so many are not counted. */ unread: number }

const fewestSamples = 20
const steadyRounds = 16
/** Where a probe has found another baseline, the next one comes sooner. */
const unsureRounds = 4
const smoothing = 0.2

const emptyRound = (limit: number, baseline: number) => ({ limit, baseline, samples: 0, dropped: 0, duration: 0, peak: 0 })

export const initialAdaptive = ({ initial }: AdaptiveSettings): AdaptiveState =>
  ({ tag: "steady", left: 1, ...emptyRound(initial, Number.NaN) })

/** How many may run at once now. */
export const concurrencyOf = ({ limit, tag }: AdaptiveState, { max, min }: AdaptiveSettings): number =>
  Math.max(min, Math.min(max, Math.floor(tag === "probing" ? limit / 2 : limit)))

/** Counts a sample in place. Whether it ended the round. */
const count = (state: AdaptiveState, duration: number, inFlight: number, dropped: boolean, concurrency: number): boolean => {
  if (state.tag === "probing") {
    if (inFlight > concurrency) return false // it began before the probe, and says nothing of it
    if (state.unread > 0) {
      state.unread--
      return false
    }
  }
  if (dropped) state.dropped++
  else if (duration >= 0 && duration < Infinity) state.duration += Math.min(Math.max(duration, 1e-3), 1e9)
  else return false
  state.samples++
  if (inFlight > state.peak) state.peak = inFlight
  return state.samples >= fewestSamples && state.samples >= concurrency
}

const bounded = (limit: number, { max, min }: AdaptiveSettings): number => Math.max(min, Math.min(max, limit))

/** The limit after a round in which calls took `average`; the peak of a probe says nothing of what the whole limit is used for. */
const nextLimit = (state: AdaptiveState, average: number, settings: AdaptiveSettings): number => {
  const { baseline, dropped, limit, peak, samples, tag } = state
  if (dropped > 0) return limit * (1 - dropped / samples / 2)
  const gradient = Math.max(0.5, settings.tolerance * baseline / average) // NaN, as long as there is no baseline to be slower than
  if (gradient < 1) return limit * (1 - smoothing * (1 - gradient))
  return tag === "probing" || peak < limit / 2 ? limit : limit + smoothing * Math.sqrt(limit)
}

const endOf = (state: AdaptiveState, settings: AdaptiveSettings): AdaptiveState => {
  const average = state.duration / (state.samples - state.dropped) // NaN when all were dropped: then nothing is learnt from it
  const { baseline, limit, peak, tag } = state
  const unqueued = tag === "probing" || peak < limit / 2
  const learnt = average > 0 && (Number.isNaN(baseline) || unqueued || average * 2 < baseline)
  const next = !learnt ? baseline : Number.isNaN(baseline) ? average : (baseline + average) / 2
  const limited = bounded(nextLimit(state, average, settings), settings)
  if (tag === "probing") {
    const moved = !(Math.abs(next - baseline) <= baseline / 8)
    return { tag: "steady", left: moved ? unsureRounds : steadyRounds, ...emptyRound(limited, next) }
  }
  return state.left <= 1
    ? { tag: "probing", unread: Math.floor(limited / 2), ...emptyRound(limited, next) }
    : { tag: "steady", left: state.left - 1, ...emptyRound(limited, next) }
}

/** The next state, pure. */
export const step = (state: AdaptiveState, sample: AdaptiveSample, settings: AdaptiveSettings): AdaptiveState => {
  const counted = { ...state }
  const over = count(counted, sample.duration, sample.inFlight, sample.dropped, concurrencyOf(state, settings))
  return over ? endOf(counted, settings) : counted
}

/** The machine at work: counts in place, and makes a state a round. */
export class Adaptive {
  state: AdaptiveState
  settings: AdaptiveSettings
  /** How many may run at once now. */
  concurrency: number

  constructor(settings: AdaptiveSettings) {
    this.settings = settings
    this.state = initialAdaptive(settings)
    this.concurrency = concurrencyOf(this.state, settings)
  }

  /** Whether `concurrency` is another now. */
  record(duration: number, inFlight: number, dropped: boolean): boolean {
    if (!count(this.state, duration, inFlight, dropped, this.concurrency)) return false
    this.state = endOf(this.state, this.settings)
    const before = this.concurrency
    this.concurrency = concurrencyOf(this.state, this.settings)
    return this.concurrency !== before
  }

  /** Other settings from now on; what was found is kept, within the new bounds. */
  update(settings: AdaptiveSettings): void {
    this.settings = settings
    this.concurrency = concurrencyOf(this.state, settings)
  }
}
