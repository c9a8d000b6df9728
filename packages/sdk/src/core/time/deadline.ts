/**
 * A deadline on its way to another process: a header that says how many milliseconds are left. A clock would be wrong there; time
 * left is right but for the way that it travelled, and each hop says less than the one before.
 */

/** In lower case, as Node and Effect have the names of headers. */
export const timeoutHeader = "outrigger-timeout-ms"

/** Whole milliseconds until `deadline`, none negative; undefined where there is no deadline to speak of. */
export const timeLeft = (deadline: number, now: number): string | undefined =>
  deadline === Infinity ? undefined : String(Math.max(0, Math.floor(deadline - now)))

/** More digits are no time that anybody waits for. */
const digits = /^\d{1,15}$/

/** The moment that a header speaks of, and no later than `max` ms from now. What is no number of milliseconds is no deadline. */
export const deadlineAfter = (header: unknown, now: number, max: number): number =>
  now + Math.min(max, typeof header === "string" && digits.test(header) ? Number(header) : Infinity)
