/**
 * What the payment service knows: every request for a charge that ever arrived, and what became of it.
 *
 *   request                                   verdict       answer
 *   a fence lower than one seen for its key   stale         409: somebody newer has this order in hand
 *   a key seen with another amount            conflict      422
 *   a key seen                                repeated      200, with the first receipt: nobody pays twice
 *   anything else                             charged       200, with a new receipt
 *   (the service is not well)                 turned away   503, and nothing is charged
 *
 * Without a key each request is a charge, as with every payment service. The file is the truth: one line a request, written
 * before it is answered, so that a killed service has forgotten nothing.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs"

export interface ChargeRequest {
  readonly orderId: string
  readonly cents: number
  readonly currency: string
  /** The `Idempotency-Key` header. */
  readonly key?: string | undefined
  /** Grows with every claim of the task that asks. */
  readonly fence?: string | undefined
}

export type Verdict = "charged" | "repeated" | "stale" | "conflict" | "turned away"

export interface Entry extends ChargeRequest {
  readonly verdict: Verdict
  /** Of the charge, now or then. */
  readonly receipt?: string | undefined
}

/** All that the ledger says at the end. */
export interface Counts {
  /** Requests for a charge that arrived. */
  readonly requests: number
  /** Those of them that were not the first for their order. */
  readonly retries: number
  readonly charges: number
  readonly ordersCharged: ReadonlyArray<string>
  readonly chargedTwice: ReadonlyArray<string>
  /** Requests that would have been a second charge, had they come without a key. */
  readonly repeated: number
  readonly stale: number
  readonly turnedAway: number
}

interface Known {
  readonly cents: number
  readonly currency: string
  readonly receipt: string
}

const highest = (seen: bigint | undefined, fence: bigint): bigint => seen !== undefined && seen > fence ? seen : fence

export class Ledger {
  private readonly byKey = new Map<string, Known>()
  private readonly fences = new Map<string, bigint>()
  private readonly requestsOf = new Map<string, number>()
  private readonly chargesOf = new Map<string, number>()
  private readonly verdicts: Record<Verdict, number> = { charged: 0, repeated: 0, stale: 0, conflict: 0, "turned away": 0 }

  /** What is to become of a request; changes nothing. */
  judge(request: ChargeRequest): Entry {
    const { cents, currency, fence, key } = request
    if (key !== undefined) {
      if (fence !== undefined && BigInt(fence) < (this.fences.get(key) ?? 0n)) return { ...request, verdict: "stale" }
      const known = this.byKey.get(key)
      if (known !== undefined) {
        const same = known.cents === cents && known.currency === currency
        return same ? { ...request, verdict: "repeated", receipt: known.receipt } : { ...request, verdict: "conflict" }
      }
    }
    return { ...request, verdict: "charged", receipt: `R-${this.verdicts.charged + 1}` }
  }

  /** Takes an entry in: a new one, or one of the file. */
  add({ cents, currency, fence, key, orderId, receipt, verdict }: Entry): void {
    this.verdicts[verdict]++
    this.requestsOf.set(orderId, (this.requestsOf.get(orderId) ?? 0) + 1)
    if (key !== undefined && fence !== undefined) this.fences.set(key, highest(this.fences.get(key), BigInt(fence)))
    if (verdict !== "charged") return
    this.chargesOf.set(orderId, (this.chargesOf.get(orderId) ?? 0) + 1)
    if (key !== undefined) this.byKey.set(key, { cents, currency, receipt: receipt! })
  }

  counts(): Counts {
    const requests = [...this.requestsOf.values()].reduce((sum, count) => sum + count, 0)
    return {
      requests,
      retries: requests - this.requestsOf.size,
      charges: this.verdicts.charged,
      ordersCharged: [...this.chargesOf.keys()],
      chargedTwice: [...this.chargesOf].filter(([, charges]) => charges > 1).map(([orderId]) => orderId),
      repeated: this.verdicts.repeated,
      stale: this.verdicts.stale,
      turnedAway: this.verdicts["turned away"]
    }
  }
}

/** A ledger in a file. */
export interface KeptLedger {
  /** Judges, writes down, takes in: in this order. */
  readonly ask: (request: ChargeRequest) => Entry
  /** Writes down a request that is not served. */
  readonly turnAway: (request: ChargeRequest) => void
  readonly counts: () => Counts
}

/** Opens the ledger of `file`, with all that was written before; a line that a kill cut short was never answered, and goes. */
export const openLedger = (file: string): KeptLedger => {
  const ledger = new Ledger()
  if (existsSync(file)) {
    const text = readFileSync(file, "utf8")
    const whole = text.slice(0, text.lastIndexOf("\n") + 1)
    if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole))
    for (const line of whole.split("\n").slice(0, -1)) ledger.add(JSON.parse(line) as Entry)
  }
  const write = (entry: Entry): Entry => {
    appendFileSync(file, `${JSON.stringify(entry)}\n`)
    ledger.add(entry)
    return entry
  }
  return {
    ask: (request) => write(ledger.judge(request)),
    turnAway: (request) => void write({ ...request, verdict: "turned away" }),
    counts: () => ledger.counts()
  }
}
