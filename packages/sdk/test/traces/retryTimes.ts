/** When one call tries, and what it comes to: said again in one loop that anybody can check by reading. */
import type { RetrySettings } from "../../src/core/retry/retry.ts"
import type { Reply } from "./trace.ts"

export interface Case {
  readonly timeout: number
  readonly attemptTimeout: number
  readonly retry: Pick<RetrySettings, "base" | "factor" | "jitter" | "max" | "maxElapsed" | "times">
  /** Whether a "pending" is to be tried again. */
  readonly untilDone: boolean
  /** In [0, 1), for every draw. */
  readonly chance: number
  readonly replies: ReadonlyArray<Reply>
}

const jittered = ({ chance, retry: { base, factor, jitter, max } }: Case, retry: number, before: number): number => {
  const full = Math.min(max, base * factor ** (retry - 1))
  if (jitter === "full") return full * chance
  if (jitter === "equal") return full * (0.5 + chance / 2)
  if (jitter === "decorrelated") return Math.min(max, base + (Math.max(base, before * 3) - base) * chance)
  return full
}

/** The lines of its log: each attempt's start, and the answer. */
export const retryTimes = (one: Case): ReadonlyArray<string> => {
  const { attemptTimeout, replies, retry, timeout, untilDone } = one
  const log: Array<string> = []
  let start = 0
  let delay = retry.base
  for (let attempt = 1; ; attempt++) {
    log.push(`${start} a ${attempt} begins`)
    const { after, kind, retryAfter } = replies[Math.min(attempt, replies.length) - 1]!
    const end = Math.min(start + after, start + attemptTimeout, timeout)
    const inTime = end === start + after
    const says = !inTime ? "fails with CallTimeoutError"
      : kind === "fails" ? "fails with Error boom"
      : kind === "bug" ? "fails with TypeError bug"
      : `gets ${typeof kind === "number" ? "status " : ""}${kind}`
    const last = [...log, `${end} a ${says}`]
    const again = !inTime || kind === "fails" || kind === 503 || (kind === "pending" && untilDone)
    if (!again || end === timeout || attempt > retry.times) return last
    delay = jittered(one, attempt, delay)
    if (inTime && kind === 503 && typeof retryAfter === "number") delay = Math.max(delay, retryAfter * 1000)
    start = end + delay
    if (start >= timeout || start > retry.maxElapsed) return last
  }
}
