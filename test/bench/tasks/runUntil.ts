/** A runner with a clock beside it. */
import type { Ran, RunOrder, Word } from "./orders.ts"
import { type Handle, now, type Queue } from "./queue.ts"

/** How often the others hear how far it is, ms. */
const tellEvery = 10
/** What comes before the clock may take this many times as long as what comes after. */
const patience = 3

/** Counts handlers, begins the clock, and says when it is over. */
class Clock {
  succeeded = 0
  from = 0
  before = 0
  capped = false
  readonly latencies: Array<number> = []
  readonly over: Promise<void>
  private started = 0
  private readonly failed = new Set<number>()
  private readonly order: RunOrder
  private end: () => void = () => {}
  private timer: NodeJS.Timeout | undefined

  constructor(order: RunOrder) {
    this.order = order
    this.over = new Promise((resolve) => { this.end = resolve })
  }

  readonly handle: Handle = ({ n, sentAt }) => {
    if (sentAt > 0) this.latencies.push(now() - sentAt)
    this.started++
    if (this.started === 1) this.limit(patience * this.order.capMillis, () => this.begin())
    if (this.started === this.order.before + 1 && this.from === 0) this.begin()
    if (this.order.shape.failing && n % 5 === 0 && !this.failed.has(n)) {
      this.failed.add(n)
      return false
    }
    this.succeeded++
    if (this.succeeded === this.order.tasks) this.finish()
    return true
  }

  private begin(): void {
    this.from = now()
    this.before = this.succeeded
    this.limit(this.order.capMillis, () => {
      this.capped = true
      this.finish()
    })
  }

  private finish(): void {
    clearTimeout(this.timer)
    this.end()
  }

  private limit(millis: number, then: () => void): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(then, millis)
  }
}

export const runUntil = async (
  queue: Queue, url: string, order: RunOrder, told: Promise<void>, say: (word: Word) => void
): Promise<Ran> => {
  const clock = new Clock(order)
  let [said, last] = [0, now()]
  const telling = setInterval(() => {
    if (clock.succeeded === said) return
    last = now()
    say({ _tag: "Done", succeeded: said = clock.succeeded })
  }, tellEvery)
  const runner = await queue.run(url, order.shape, clock.handle)
  say({ _tag: "Running" })
  await Promise.race([clock.over, told])
  const stalled = clock.capped ? now() - last : 0
  await runner.stop()
  const to = now()
  clearInterval(telling)
  const { before, capped, from, latencies, succeeded } = clock
  const rss = process.memoryUsage().rss
  await runner.close()
  return { from, before, to, succeeded, capped, stalled, rss, latencies }
}
