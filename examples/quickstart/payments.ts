/**
 * The payment service of the demo: a process of its own, which charges, tells prices, and misbehaves on command.
 *
 *   mode    what it does with a request
 *   ok      answers at once
 *   slow    does it at once, and answers one to six seconds later
 *   fail    does nothing, and answers 503
 *   hang    does it, and never answers
 *   flaky   takes a while; of seven answers two are lost after the deed, and one is a 503
 *
 * It counts for itself: `GET /ledger` is what the demo's table believes.
 */
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { z } from "zod"
import { type Answer, HttpError, type Route, serve } from "./http.ts"
import { openLedger, type Verdict } from "./ledger.ts"
import { readOrders } from "./orders.ts"
import { seeded } from "./random.ts"

const modes = ["ok", "slow", "fail", "hang", "flaky"] as const
type Mode = typeof modes[number]
/** What one request gets; the dice are thrown before the deed. */
type Fate = "answer" | "refusal" | "silence" | "hang up"

const Charge = z.object({
  orderId: z.string().min(1),
  cents: z.int().positive(),
  currency: z.string().length(3),
  fence: z.string().regex(/^\d+$/).optional()
})

const port = Number(process.env["PORT"] ?? 9090)
const random = seeded(Number(process.env["SEED"] ?? 1))
const ledger = openLedger(process.env["LEDGER"] ?? join(tmpdir(), "payments-ledger.jsonl"))
let mode: Mode = "ok"

/** The list prices, in euro cents. */
const prices = new Map(readOrders().filter(({ currency }) => currency === "EUR").map(({ sku, unit_price_cents }) => [sku, unit_price_cents]))

const fateOf = (current: Mode): Fate => {
  switch (current) {
    case "ok":
    case "slow": return "answer"
    case "fail": return "refusal"
    case "hang": return "silence"
    case "flaky": {
      const dice = random() * 7
      return dice < 2 ? "hang up" : dice < 3 ? "refusal" : "answer"
    }
  }
}

/** How long an answer takes, ms. */
const delayOf = (current: Mode): number =>
  current === "slow" ? 1000 + random() * 5000 : current === "flaky" ? 150 + random() * 350 : 10 + random() * 40

const refusal: Answer = { status: 503, body: { error: "payments is not well" } }

/** Does the deed, unless it is refused, and answers as its fate says. */
const meet = async (deed: () => Answer, refuse: () => Answer): Promise<Answer | "hang up"> => {
  const [fate, delay] = [fateOf(mode), delayOf(mode)]
  const answer = fate === "refusal" ? refuse() : deed()
  if (fate === "silence") return new Promise<never>(() => {})
  await pause(delay)
  return fate === "hang up" ? "hang up" : answer
}

const statusOf: Record<Verdict, number> = { charged: 200, repeated: 200, stale: 409, conflict: 422, "turned away": 503 }

const charge: Route = ({ body, headers }) => {
  const key = headers["idempotency-key"]
  const parsed = Charge.safeParse(body)
  if (!parsed.success) throw new HttpError(422, z.prettifyError(parsed.error))
  const request = { ...parsed.data, key: typeof key === "string" ? key : undefined }
  return meet(() => {
    const { receipt, verdict } = ledger.ask(request)
    return { status: statusOf[verdict], body: { verdict, receipt } }
  }, () => {
    ledger.turnAway(request)
    return refusal
  })
}

const price: Route = ({ params }) => {
  const cents = prices.get(params["sku"]!)
  if (cents === undefined) throw new HttpError(404, "no such article")
  return meet(() => ({ status: 200, body: { sku: params["sku"], cents, currency: "EUR" } }), () => refusal)
}

serve("payments", port, {
  "POST /charges": charge,
  "GET /prices/:sku": price,
  "GET /ledger": () => ({ status: 200, body: ledger.counts() }),
  "POST /mode": ({ body }) => {
    const parsed = z.object({ mode: z.enum(modes) }).safeParse(body)
    if (!parsed.success) throw new HttpError(422, `mode is one of ${modes.join(", ")}`)
    mode = parsed.data.mode
    return { status: 200, body: { mode } }
  }
}, async () => {})
