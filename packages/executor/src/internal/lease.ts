/**
 * The worker's own view of its lease, by the monotonic clock of its machine. The store's clock decides when a lease is over;
 * this decides, earlier and alone, when it can no longer be trusted: a worker that was frozen, or cannot reach the store,
 * stops by itself before anybody else may have its tasks.
 *
 *   held --no confirmed renewal for 2/3 of the lease--> doubtful: interrupt everything, register anew
 *   held --a renewal finds the worker reaped---------> lost: the same
 */

export interface Lease {
  readonly duration: number
  /** When the last confirmed renewal was *sent*: the store cannot have counted from earlier. */
  readonly confirmedAt: number
}

export const granted = (duration: number, sentAt: number): Lease => ({ duration, confirmedAt: sentAt })

export const renewed = (lease: Lease, sentAt: number): Lease => ({ ...lease, confirmedAt: Math.max(lease.confirmedAt, sentAt) })

/** Whether work may go on under it. */
export const trusted = (lease: Lease, now: number): boolean => now - lease.confirmedAt < lease.duration * 2 / 3

/** How long to wait between renewals. */
export const renewEvery = (duration: number): number => duration / 3
