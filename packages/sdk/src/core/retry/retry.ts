/** When to try again. */
import type { BudgetSettings } from "./budget.ts"
import { parseHttpDate } from "./httpDate.ts"

export type Jitter = "none" | "full" | "equal" | "decorrelated"

/** Milliseconds throughout. */
export interface RetrySettings {
  /** Retries after the first attempt. */
  readonly times: number
  readonly base: number
  readonly factor: number
  readonly max: number
  readonly jitter: Jitter
  /** No retry begins later than this after the call began. */
  readonly maxElapsed: number
  /** Asked about each failure after the classifier called it transient. */
  readonly while: ((error: unknown) => boolean) | undefined
  /** Asked about each success: whether to try again all the same. */
  readonly whileResult: ((result: unknown) => boolean) | undefined
  readonly budget: BudgetSettings | undefined
}

/** How the presets and `Task` count delays. */
export type Backoff = Pick<RetrySettings, "base" | "factor" | "max" | "jitter">

/**
 * The delay before a retry, ms. `retry` counts from 1, `previous` is the delay before (for `decorrelated`), `random` is in
 * [0, 1).
 */
export const delayOf = ({ base, factor, jitter, max }: Backoff, retry: number, previous: number, random: number): number => {
  const full = Math.min(max, base * Math.min(factor ** (retry - 1), Number.MAX_VALUE)) // nothing times Infinity is NaN
  switch (jitter) {
    case "none": return full
    case "full": return full * random
    case "equal": return full / 2 + (full / 2) * random
    case "decorrelated": return Math.min(max, base + (Math.max(base, previous * 3) - base) * random)
  }
}

const dated = (text: string, epoch: number): number | undefined => {
  const date = parseHttpDate(text, epoch)
  return date === undefined ? undefined : Math.max(0, date - epoch)
}

const header = (holder: unknown): string | undefined => {
  if (typeof holder !== "object") return undefined
  const { headers } = holder as { readonly headers?: unknown }
  if (typeof headers !== "object" || headers === null) return undefined
  const { get } = headers as { readonly get?: unknown }
  const value: unknown = typeof get === "function" ? get.call(headers, "retry-after") : (headers as Record<string, unknown>)["retry-after"]
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : undefined
}

/**
 * What a `Retry-After` header asks for, ms: of a `Response`, of an error that carries `headers`, or of one whose `response`
 * does. Seconds or an HTTP date, which asks for nothing when it is past; undefined for anything else.
 */
export const retryAfterOf = (value: unknown, epoch: number): number | undefined => {
  let text: string | undefined
  try {
    text = header(value) ?? header((value as { readonly response?: unknown }).response)
  } catch {} // null has no header, nor has what throws when it is looked at: no retry must hang on that
  if (text === undefined) return undefined
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : dated(text, epoch)
}
