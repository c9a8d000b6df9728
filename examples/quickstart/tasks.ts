/**
 * The work that runs beside the app, in the sidecar's runner: `npm start` runs this file, and the default export is what it
 * runs. It needs neither the shop nor the payment service to start: `charge-order` waits for payments, the rest works.
 */
import { createOutrigger, Task } from "@outrigger/sdk/promise"
import { Pool } from "pg"
import { z } from "zod"
import { ChargeOrder } from "./charge-order.ts"
import { HttpError } from "./http.ts"
import { recount } from "./stock.ts"

const paymentsUrl = process.env["PAYMENTS_URL"] ?? "http://127.0.0.1:9090"
const db = new Pool({ connectionString: process.env["DATABASE_URL"], max: 4, connectionTimeoutMillis: 2000 })
db.on("error", (error) => console.warn(`tasks: an idle connection was lost: ${error.message}`))

const payments = createOutrigger({ service: "shop-tasks" }).api("payments", {
  timeout: "5 seconds",
  attemptTimeout: "2 seconds",
  retry: { times: 2, base: "200 millis" },
  breaker: { failures: 4, openFor: "2 seconds" }
})

const Receipt = z.object({ receipt: z.string() })

/**
 * The order's id is the key: however often this runs, payments charges once. The fence says which of two runners is the
 * newer: one that was thought dead, and comes back, is refused.
 */
const chargeOrder = ChargeOrder.handle(async ({ cents, currency, orderId }, { fence, signal }) => {
  const { receipt } = await payments.call(async ({ signal }) => {
    const answer = await fetch(`${paymentsUrl}/charges`, {
      method: "POST",
      signal,
      headers: { "content-type": "application/json", "idempotency-key": orderId },
      body: JSON.stringify({ orderId, cents, currency, fence })
    })
    if (!answer.ok) throw new HttpError(answer.status, `payments answered ${answer.status}`)
    return Receipt.parse(await answer.json())
  }, { signal, operation: "charge" })
  await db.query("update orders set charged_at = coalesce(charged_at, now()), receipt = $2 where id = $1", [orderId, receipt])
  return { receipt }
})

const Greet = Task.make("greet", { payload: z.object({ name: z.string().min(1).max(100).meta({ examples: ["Ada"] }) }), timeout: "5 seconds" })

const greet = Greet.handle(({ name }, { attempt }) => ({ greeting: `Hello, ${name}!`, attempt }))

const RecountStock = Task.make("recount-stock", {
  payload: z.object({ loop: z.boolean().default(false) }),
  timeout: "1 second",
  retry: { times: 0 }
})

/** With `{ "loop": true }` it never ends, and never lets go: no timeout can interrupt it, so the runner is replaced. */
const recountStock = RecountStock.handle(({ loop }) => recount(loop))

export default [greet, chargeOrder, recountStock]
