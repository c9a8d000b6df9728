/**
 * The same shop without Outrigger, as it is often written: the charge is made in the request, `fetch` has no timeout, and what
 * failed is tried again from memory. Nothing here is wrong on purpose; `npm run demo -- --bare` shows what a storm makes of it.
 */
import { Pool } from "pg"
import { z } from "zod"
import { HttpError, serve } from "./http.ts"
import { Order, totalOf } from "./orders.ts"
import { recount } from "./stock.ts"

const paymentsUrl = process.env["PAYMENTS_URL"] ?? "http://127.0.0.1:9090"
const db = new Pool({ connectionString: process.env["DATABASE_URL"], connectionTimeoutMillis: 1000 })
db.on("error", (error) => console.warn(`shop: an idle connection was lost: ${error.message}`))

/** Tried five times, two seconds apart. */
const charge = async (order: Order, attempt = 1): Promise<void> => {
  try {
    const answer = await fetch(`${paymentsUrl}/charges`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ orderId: order.id, cents: totalOf(order), currency: order.currency })
    })
    if (!answer.ok) throw new Error(`payments answered ${answer.status}`)
    const { receipt } = await answer.json() as { readonly receipt: string }
    await db.query("update orders set charged_at = now(), receipt = $2 where id = $1", [order.id, receipt])
  } catch (error) {
    console.warn(`shop: ${order.id} was not charged (attempt ${attempt}): ${error instanceof Error ? error.message : String(error)}`)
    if (attempt < 5) setTimeout(() => void charge(order, attempt + 1), 2000)
  }
}

/** Whether it is new: a customer who tries again must not be charged again. */
const saveOrder = async (order: Order): Promise<boolean> => {
  const saved = await db.query(
    `insert into orders (id, customer, email, sku, quantity, cents, currency, country)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing`,
    [order.id, order.customer, order.email, order.sku, order.quantity, totalOf(order), order.currency, order.country]
  )
  return saved.rowCount === 1
}

await db.query(`
  create table if not exists orders (
    id text primary key, customer text not null, email text not null, sku text not null, quantity int not null,
    cents int not null, currency text not null, country text not null,
    placed_at timestamptz not null default now(), charged_at timestamptz, receipt text)`)

serve("shop", Number(process.env["PORT"] ?? 3000), {
  "POST /orders": async ({ body }) => {
    const order = Order.safeParse(body)
    if (!order.success) throw new HttpError(422, z.prettifyError(order.error))
    if (await saveOrder(order.data)) await charge(order.data)
    return { status: 202, body: { id: order.data.id, status: "placed" }, headers: { location: `/orders/${order.data.id}` } }
  },
  "GET /orders/:id": async ({ params }) => {
    const { rows: [order] } = await db.query("select id, sku, quantity, cents, currency, charged_at, receipt from orders where id = $1", [params["id"]])
    return order === undefined ? { status: 404, body: { error: "no such order" } } : { status: 200, body: order }
  },
  "GET /quote": async ({ query }) => {
    const answer = await fetch(`${paymentsUrl}/prices/${encodeURIComponent(query.get("sku") ?? "")}`)
    return { status: answer.ok ? 200 : answer.status, body: await answer.json() }
  },
  "POST /stock/recount": ({ body }) => ({ status: 200, body: recount((body as { readonly loop?: boolean } | undefined)?.loop) }),
  "GET /healthz": async () => {
    await db.query("select 1")
    return { status: 200, body: { status: "pass" } }
  }
}, () => db.end())
