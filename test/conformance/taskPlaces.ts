/**
 * What a store must do, said in another way than the stores say it: not as rows with a state, but as places. A task is at one
 * place only: in the line, in the hands of a worker, put off, or over. Every operation moves it from place to place, and each
 * claim has a greater fence than any write of that task before. There is no time here: what is put off stays so.
 */
import type { TaskStore } from "@outrigger/sdk"

/** Of a claim, current or past. */
export interface Hand {
  readonly worker: string
  readonly id: string
  readonly fence: string
}

type End = "succeeded" | "dead" | "cancelled"
type Settlement = TaskStore.Settlement

export class Places {
  /** When they became ready; those of one moment stand in an order of the store's own. */
  readonly line = new Map<string, number>()
  readonly putOff = new Set<string>()
  readonly hands = new Map<string, Hand>()
  readonly over = new Map<string, End>()
  /** Attempts that are spent, and the one at work. */
  readonly attempts = new Map<string, number>()
  readonly priorities = new Map<string, number>()
  private readonly fences = new Map<string, bigint>()
  private readonly newest = new Map<string, string>()
  private readonly keys = new Map<string, string>()
  private moment = 0

  /** What a new task must be told: that it is a duplicate of this one, or new. */
  known({ idempotencyKey = "", uniqueKey = "" }: TaskStore.NewTask): string | undefined {
    const holder = this.newest.get(uniqueKey)
    return this.keys.get(idempotencyKey) ?? (holder === undefined || this.over.has(holder) ? undefined : holder)
  }

  /** Of a new task, or of a duplicate whose idempotency key is new. */
  add(id: string, { delay, idempotencyKey, priority, uniqueKey }: TaskStore.NewTask): void {
    if (idempotencyKey !== undefined) this.keys.set(idempotencyKey, id)
    if (this.attempts.has(id)) return
    if (uniqueKey !== undefined) this.newest.set(uniqueKey, id)
    this.attempts.set(id, 0)
    this.priorities.set(id, priority)
    this.fences.set(id, 0n)
    this.moment++
    this.put(id, delay)
  }

  /** What is wrong with this claim, if anything. */
  claim(worker: string, limit: number, claimed: ReadonlyArray<TaskStore.ClaimedTask>): string | undefined {
    if (claimed.length > limit) return `gave ${claimed.length}, asked for ${limit}`
    const given = new Set(claimed.map(({ id }) => id))
    for (const { attempt, fence, id } of claimed) {
      const since = this.line.get(id)
      if (since === undefined) return `gave ${id}, which is not in the line`
      const passedOver = [...this.line].find(([other, before]) =>
        before < since && !given.has(other) && this.priorities.get(other) === this.priorities.get(id))
      if (passedOver !== undefined) return `gave ${id} before ${passedOver[0]}, which is older and as urgent`
      if (BigInt(fence) <= this.fences.get(id)!) return `gave ${id} with fence ${fence} after ${this.fences.get(id)}`
      this.line.delete(id)
      this.hands.set(id, { worker, id, fence })
      this.fences.set(id, BigInt(fence))
      this.attempts.set(id, this.attempts.get(id)! + 1)
      if (attempt !== this.attempts.get(id)) return `gave ${id} with attempt ${attempt} in place of ${this.attempts.get(id)}`
    }
    return undefined
  }

  isHeld({ fence, id, worker }: Hand): boolean {
    const hand = this.hands.get(id)
    return hand !== undefined && hand.worker === worker && hand.fence === fence
  }

  heldBy(worker: string): ReadonlyArray<Hand> {
    return [...this.hands.values()].filter((hand) => hand.worker === worker)
  }

  /** The ids that this worker may settle, which are settled by that. */
  settle(worker: string, settlements: ReadonlyArray<Settlement>): ReadonlyArray<string> {
    this.moment++
    return settlements.flatMap((settlement) => {
      if (!this.isHeld({ worker, ...settlement })) return []
      const { _tag, id } = settlement
      this.hands.delete(id)
      if (_tag === "Succeed") this.over.set(id, "succeeded")
      else if (_tag === "Die") this.over.set(id, "dead")
      else this.giveBack(id, _tag === "HandBack", settlement.delay)
      return [id]
    })
  }

  /** The worker is gone: what it held is in the line again. */
  leave(worker: string, unspent: boolean): void {
    this.moment++
    for (const { id } of this.heldBy(worker)) {
      this.hands.delete(id)
      this.giveBack(id, unspent, 0)
    }
  }

  cancel(id: string): void {
    if (this.over.has(id)) return
    this.line.delete(id)
    this.putOff.delete(id)
    this.hands.delete(id)
    this.over.set(id, "cancelled")
  }

  redrive(id: string): void {
    if ((this.over.get(id) ?? "succeeded") === "succeeded") return
    this.over.delete(id)
    this.attempts.set(id, 0)
    this.moment++
    this.put(id, 0)
  }

  stateOf(id: string): TaskStore.TaskState {
    if (this.hands.has(id)) return "running"
    if (this.putOff.has(id)) return "scheduled"
    return this.over.get(id) ?? "ready"
  }

  private giveBack(id: string, unspent: boolean, delay: number): void {
    if (unspent) this.attempts.set(id, this.attempts.get(id)! - 1)
    this.put(id, delay)
  }

  private put(id: string, delay: number): void {
    if (delay > 0) this.putOff.add(id)
    else this.line.set(id, this.moment)
  }
}
