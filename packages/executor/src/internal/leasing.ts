/**
 * Keeps the worker's lease: registers, renews, and when the lease is lost or in doubt lets nothing go on under it, and
 * registers anew. `lease.ts` decides when that is.
 */
import * as Effect from "effect/Effect"
import type { Task, TaskStore } from "@outrigger/sdk"
import { type Ground, monotonic, type Settings } from "./ground.ts"
import { granted, type Lease, renewed, renewEvery, trusted } from "./lease.ts"

export class Leasing {
  /** The worker as the store knows it. */
  worker: TaskStore.WorkerId | undefined = undefined
  private lease: Lease = granted(0, 0)
  /** It is over: nothing is renewed, and nobody registers any more. */
  private released = false
  private readonly ground: Ground
  private readonly settings: Settings
  private readonly abandon: () => void

  /** `abandon` is called when somebody else may have this worker's tasks. */
  constructor(ground: Ground, settings: Settings, abandon: () => void) {
    this.ground = ground
    this.settings = settings
    this.abandon = abandon
  }

  /** Whether work may go on under the lease. */
  trusted(): boolean {
    return trusted(this.lease, monotonic(this.ground.clock))
  }

  /** Announces what it can run, and takes a lease. */
  readonly register: Effect.Effect<void, Task.StoreUnavailable> = Effect.gen({ self: this }, function*() {
    const { clock, handlers, store } = this.ground
    const sentAt = monotonic(clock)
    yield* store.define(handlers.all().filter(({ older }) => older !== true).map(({ definition }) => definition))
    this.worker = yield* store.register({ name: this.settings.name, lease: this.settings.lease })
    this.lease = granted(this.settings.lease, sentAt)
  })

  get renewing(): Effect.Effect<never> {
    const every = renewEvery(this.settings.lease)
    return Effect.forever(Effect.andThen(Effect.sleep(every), this.renew(every)))
  }

  private renew(within: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (this.released) return
      const sentAt = monotonic(this.ground.clock)
      const kept = this.worker !== undefined && (yield* this.ground.store.renew(this.worker, this.settings.lease))
      if (kept) this.lease = renewed(this.lease, sentAt)
      else yield* this.startOver
    }).pipe(
      Effect.timeout(within),
      Effect.catch((error) => Effect.andThen(
        Effect.logWarning("The lease could not be renewed", error),
        Effect.sync(() => {
          if (!this.trusted()) this.abandon()
        })
      ))
    )
  }

  /** Somebody else may have its tasks by now: nothing goes on under the old lease. */
  private readonly startOver: Effect.Effect<void, Task.StoreUnavailable> = Effect.suspend(() => {
    this.abandon()
    return Effect.logWarning("The lease was lost; registering anew").pipe(
      Effect.andThen(this.register),
      Effect.andThen(Effect.suspend(() => this.released ? this.release : Effect.void)) // a drain came in between
    )
  })

  /** Ends the lease: what the worker still holds is ready again, unspent. */
  readonly release: Effect.Effect<void> = Effect.suspend(() => {
    const { worker } = this
    this.released = true
    this.worker = undefined
    return worker === undefined ? Effect.void : Effect.ignore(Effect.timeout(this.ground.store.deregister(worker), "5 seconds"))
  })
}
