/**
 * Smooth weighted round robin. On each turn every candidate is owed its weight more, the one that is owed most is chosen, and
 * pays what all were owed. Over as many turns as the weights add up to, each comes exactly as often as its weight says, and
 * spread out: 2 and 1 give a b a, never a a b. Who is no candidate keeps what it is owed.
 */

/** One on the wheel. */
export interface Rim {
  /** Above zero. */
  readonly weight: number
  owed: number
}

/** The one whose turn it is, the first of equals; undefined when nobody is there. */
export const turn = <T extends Rim>(candidates: ReadonlyArray<T>): T | undefined => {
  let chosen: T | undefined = undefined
  let all = 0
  for (const candidate of candidates) {
    candidate.owed += candidate.weight
    all += candidate.weight
    if (chosen === undefined || candidate.owed > chosen.owed) chosen = candidate
  }
  if (chosen !== undefined) chosen.owed -= all
  return chosen
}
