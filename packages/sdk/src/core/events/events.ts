/** What a dependency tells while it works, to whoever listens. */
import type { BreakerReason, BreakerState } from "../breaker/breaker.ts"
import type { Rejected } from "../errors.ts"
import { Listeners } from "./listeners.ts"
import type { SharingState } from "../limits/rateLimit.ts"

export interface Events {
  breaker: {
    readonly from: BreakerState["tag"]
    readonly to: BreakerState["tag"]
    readonly reason: BreakerReason
    /** Whose breaker, where there is one for each key. */
    readonly key: string | undefined
  }
  retry: {
    readonly operation: string | undefined
    /** The attempt that comes, from 2, of how many. */
    readonly attempt: number
    readonly of: number
    readonly delay: number
    readonly error: unknown
  }
  /** Another attempt was sent beside a slow one. */
  hedge: { readonly operation: string | undefined; readonly attempt: number }
  /** The caller was given something else instead of this error. */
  fallback: { readonly operation: string | undefined; readonly error: unknown }
  timeout: { readonly operation: string | undefined; readonly attempt: number }
  /** Something is not as it should be, and calls go on: a store of what processes share cannot be reached. */
  warning: { readonly line: string }
  reject: { readonly operation: string | undefined; readonly error: Rejected }
  /** A shared rate limit goes on by its own share, for its store cannot be reached; or is shared again. */
  sharing: SharingState
}

export class Emitter extends Listeners<Events> {
  constructor() {
    super({ breaker: [], retry: [], hedge: [], fallback: [], timeout: [], warning: [], reject: [], sharing: [] })
  }
}
