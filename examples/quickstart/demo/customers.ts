/** The customers: they come at their own pace, however the shop is, and each waits for an answer for so long. */
import { setTimeout as pause } from "node:timers/promises"
import type { Order } from "../orders.ts"
import { ask } from "./ask.ts"
import type { Visit } from "./tally.ts"

/** Six a second look at a price, and six a second order. Milliseconds. */
const pace = 1000 / 6
/** How long a customer waits for an answer, and then, or after an error, before trying again; and how often. */
export const patience = 5000
const trying = { times: 6, pause: 2000 }

export class Customers {
  readonly visits: Array<Visit> = []
  readonly confirmed = new Set<string>()
  /** Customers who went away without a confirmation. */
  gaveUp = 0
  private readonly shopUrl: string
  private readonly waiting: Array<Order>
  private readonly skus: ReadonlyArray<string>
  private readonly timer: NodeJS.Timeout
  private readonly visitors = new Set<Promise<void>>()
  private looked = 0
  private allowed = 0
  private allSent: (() => void) | undefined

  constructor(shopUrl: string, orders: ReadonlyArray<Order>) {
    this.shopUrl = shopUrl
    this.waiting = [...orders]
    this.skus = [...new Set(orders.map(({ sku }) => sku))]
    this.timer = setInterval(() => this.tick(), pace)
  }

  /** Lets the next `count` orders come, and waits until they have been sent. */
  send(count: number): Promise<void> {
    this.allowed += Math.min(count, this.waiting.length - this.allowed)
    return this.allowed === 0 ? Promise.resolve() : new Promise((resolve) => this.allSent = resolve)
  }

  /** No new ones. */
  close(): void {
    clearInterval(this.timer)
  }

  /** Waits until all who came have their answer, or have given up. */
  async gone(): Promise<void> {
    await Promise.all(this.visitors)
  }

  private tick(): void {
    this.visit(this.look(this.skus[this.looked++ % this.skus.length]!))
    if (this.allowed === 0) return
    this.allowed--
    this.visit(this.order(this.waiting.shift()!))
    if (this.allowed === 0) this.allSent?.()
  }

  private visit(visitor: Promise<void>): void {
    this.visitors.add(visitor)
    void visitor.finally(() => this.visitors.delete(visitor))
  }

  private async look(sku: string): Promise<void> {
    const { body, hung, millis, status } = await ask(`${this.shopUrl}/quote?sku=${encodeURIComponent(sku)}`, patience)
    const stale = (body as { readonly stale?: boolean } | undefined)?.stale === true
    this.visits.push({ kind: "quote", millis, outcome: hung ? "hung" : status !== 200 ? "error" : stale ? "stale" : "good" })
  }

  private async order(order: Order): Promise<void> {
    for (let attempt = 1; attempt <= trying.times; attempt++) {
      if (attempt > 1) await pause(trying.pause)
      const { hung, millis, status } = await ask(`${this.shopUrl}/orders`, patience, order)
      const good = status >= 200 && status < 300
      this.visits.push({ kind: "order", millis, outcome: hung ? "hung" : good ? "good" : "error" })
      if (good) return void this.confirmed.add(order.id)
    }
    this.gaveUp++
  }
}
