/** Virtual time: what is to happen, in the order of time, and at one time in the order of arrangement. A binary heap. */
import type { TimerHandle, TimerPort } from "../time/timers.ts"

/** Something that will happen; its own record is its place in the queue, so that most events cost no allocation. */
export abstract class Scheduled {
  due = Number.NaN
  order = 0
  /** In the heap; -1 while it is not in it. */
  place = -1
  abstract happen(): void
}

class Timer extends Scheduled implements TimerHandle {
  private readonly queue: EventQueue
  private readonly fire: () => void

  constructor(queue: EventQueue, fire: () => void) {
    super()
    this.queue = queue
    this.fire = fire
  }

  happen(): void {
    this.fire()
  }

  cancel(): void {
    this.queue.remove(this)
  }

  hold(): void {}
}

const never: TimerHandle = { cancel() {}, hold() {} }

const before = (a: Scheduled, b: Scheduled): boolean => a.due < b.due || (a.due === b.due && a.order < b.order)

export class EventQueue {
  /** Milliseconds since the simulation began. */
  now = 0
  private readonly heap: Array<Scheduled> = []
  private arranged = 0

  /** `event` happens `delay` ms from now. It must not wait for something already. */
  add(event: Scheduled, delay: number): void {
    event.due = this.now + delay
    event.order = this.arranged++
    this.heap.push(event)
    this.rise(event, this.heap.length - 1)
  }

  remove(event: Scheduled): void {
    const { place } = event
    if (place < 0) return
    event.place = -1
    const last = this.heap.pop()!
    if (last === event) return
    if (place > 0 && before(last, this.heap[(place - 1) >> 1]!)) this.rise(last, place)
    else this.sink(last, place)
  }

  /** All that falls due before then happens, and then it is then. */
  runUntil(end: number): void {
    for (;;) {
      const next = this.heap[0]
      if (next === undefined || next.due >= end) break
      this.remove(next)
      this.now = next.due
      next.happen()
    }
    this.now = end
  }

  /** What the engine takes for time and chance. Its 1970 is the moment when the simulation begins. */
  port(random: () => number): TimerPort {
    const now = () => this.now
    return {
      now, random,
      epoch: now,
      at: (delay, fire) => {
        if (delay === Infinity) return never
        const timer = new Timer(this, fire)
        this.add(timer, delay)
        return timer
      }
    }
  }

  private rise(event: Scheduled, place: number): void {
    const { heap } = this
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above]!
      if (!before(event, parent)) break
      heap[place] = parent
      parent.place = place
      place = above
    }
    heap[place] = event
    event.place = place
  }

  private sink(event: Scheduled, place: number): void {
    const { heap } = this
    for (;;) {
      let below = 2 * place + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below++
      const child = heap[below]!
      if (!before(child, event)) break
      heap[place] = child
      child.place = place
      place = below
    }
    heap[place] = event
    event.place = place
  }
}
