/**
 * What fires when a schedule is due: a pure decision, made by whichever scheduler comes first.
 *
 *   ---+-------+-------+----------|-------+---------+-->
 *     next                      now-1min          now
 *      '---- missed: catchUp ----'  '-- due: fires --'
 */
import type { CatchUp } from "./schedule.ts"
import { nextSlot, type Rhythm } from "./occurrences.ts"

/** A schedule whose next slot has come. Epoch ms of the store's clock. */
export interface Due {
  readonly rhythm: Rhythm
  readonly catchUp: CatchUp
  /** The first slot that has not fired. */
  readonly next: number
}

/** The slots that fire now, oldest first, and the first that does not. */
export interface Plan {
  readonly slots: ReadonlyArray<number>
  readonly next: number | undefined
}

/** A slot that nobody could fire for so long is missed, ms. */
export const missedAfter = 60_000

/** One statement fires so many at most; the rest is due at once again. */
export const mostAtOnce = 500

const after = (rhythm: Rhythm, instant: number): number => nextSlot(rhythm, instant) ?? Infinity

const planOf = (slots: ReadonlyArray<number>, next: number): Plan => ({ slots, next: next === Infinity ? undefined : next })

/** At most `mostAtOnce` slots from `first` to `now`, and the one after them. */
const slotsFrom = (first: number, rhythm: Rhythm, now: number): Plan => {
  const slots: Array<number> = []
  let slot = first
  while (slot <= now && slots.length < mostAtOnce) {
    slots.push(slot)
    slot = after(rhythm, slot)
  }
  return planOf(slots, slot)
}

/** The newest slot up to `now`: halving finds it, however long the outage was and however dense the slots are. */
const newest = ({ next, rhythm }: Due, now: number): number => {
  if (after(rhythm, next) > now) return next
  let [some, none] = [next, now] // after the one there is a slot up to now, after the other there is not
  while (none - some > 1) {
    const middle = Math.floor((some + none) / 2)
    if (after(rhythm, middle) <= now) some = middle
    else none = middle
  }
  return after(rhythm, some)
}

/** What fires at `now`. */
export const plan = (due: Due, now: number): Plan => {
  const { catchUp, next, rhythm } = due
  if (next >= now - missedAfter || catchUp === "all") return slotsFrom(next, rhythm, now)
  return catchUp === "one"
    ? planOf([newest(due, now)], after(rhythm, now))
    : slotsFrom(after(rhythm, now - missedAfter - 1), rhythm, now)
}
