/** What names, times and counts of tasks may be. */

/** Names of tasks and queues. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/
export const nameRule = "1 to 100 letters, digits, '.', '_', ':' or '-', beginning with a letter or digit"
/** A timer of a runtime holds no more; an attempt that runs for 24 days is another design. */
export const longestTimeout = 2 ** 31 - 1
/** From now to the end of the year 9999 is more; a delay of a century is a mistake in units. */
export const longestDelay = 100 * 365 * 86_400_000
/** The end of the year 9999, epoch ms: what comes later has no ISO 8601 form that everybody reads. */
export const lastMoment = 253_402_300_799_999

export const whole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most

export const within = (value: unknown, least: number, most: number): boolean =>
  typeof value === "number" && value >= least && value <= most
