/**
 * A small shop, as an ordinary team would write it: `node:http`, `pg`, and Outrigger around what can fail. Beside it runs
 * the sidecar with `tasks.ts`, on the same database.
 */
import { createOutrigger } from "@outrigger/sdk/promise"
import { Pool } from "pg"
import { z } from "zod"
import { ChargeOrder } from "./charge-order.ts"
import { HttpError, serve } from "./http.ts"
import { Order, totalOf } from "./orders.ts"

const paymentsUrl = process.env["PAYMENTS_URL"] ?? "http://127.0.0.1:9090"
const db = new Pool({ connectionString: process.env["DATABASE_URL"], connectionTimeoutMillis: 1000 })
db.on("error", (error) => console.warn(`shop: an idle connection was lost: ${error.message}`))

const outrigger = createOutrigger({
  service: "shop",
  sidecar: { url: process.env["OUTRIGGER_URL"] ?? "http://127.0.0.1:7700" }
})
outrigger.database("main", { pool: db }, { every: "5 seconds" })

const payments = outrigger.api("payments", {
  timeout: "800 millis",
  retry: { times: 1, base: "100 millis" },
  breaker: { failures: 5, openFor: "3 seconds" }
})

// Saving an order may be repeated: its id is its key. So the customer need not notice that the database was away for a moment.
const orders = outrigger.api("orders", {
  timeout: "4 seconds",
  retry: { times: 20, base: "100 millis", max: "400 millis", budget: { perSecond: 50 } },
  breaker: false
})

/** The order and its task are saved together, or not at all. */
const placeOrder = async (order: Order): Promise<void> => {
  const client = await db.connect()
  try {
    await client.query("begin")
    await client.query(
      `insert into orders (id, customer, email, sku, quantity, cents, currency, country)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do nothing`,
      [order.id, order.customer, order.email, order.sku, order.quantity, totalOf(order), order.currency, order.country]
    )
    const { currency, id: orderId } = order
    await client.query(outrigger.enqueueSql(ChargeOrder, { orderId, cents: totalOf(order), currency }, { idempotencyKey: orderId }))
    await client.query("commit")
  } catch (error) {
    await client.query("rollback").catch(() => undefined) // the connection may be what failed
    throw error
  } finally {
    client.release()
  }
}

const Quote = z.object({ sku: z.string(), cents: z.int(), currency: z.string() })
type Quote = z.output<typeof Quote>

const askPrice = async (sku: string, signal: AbortSignal): Promise<Quote> => {
  const answer = await fetch(`${paymentsUrl}/prices/${encodeURIComponent(sku)}`, { signal })
  if (!answer.ok) throw new HttpError(answer.status, `payments answered ${answer.status}`)
  return Quote.parse(await answer.json())
}

/** For a shop that has just started, and has no answer in memory to fall back on. */
const rememberQuote = ({ cents, currency, sku }: Quote) =>
  db.query("insert into quotes values ($1, $2, $3) on conflict (sku) do update set cents = $2, currency = $3", [sku, cents, currency])

const rememberedQuote = async (sku: string): Promise<Quote | undefined> =>
  (await db.query<Quote>("select sku, cents, currency from quotes where sku = $1", [sku])).rows[0]

/** Fresh for two seconds; while payments is away, the last good one is better than none. */
const quote = async (sku: string): Promise<Quote & { readonly stale: boolean }> => {
  const caching = { key: sku, ttl: "2 seconds", staleIfError: "1 hour", operation: "price" } as const
  try {
    const { stale, value } = await payments.cachedEntry(caching, ({ signal }) => askPrice(sku, signal))
    if (!stale) rememberQuote(value).catch(() => undefined) // the customer has the answer, and need not wait for this
    return { ...value, stale }
  } catch (error) {
    const remembered = error instanceof HttpError && error.status === 404 ? undefined : await rememberedQuote(sku)
    if (remembered === undefined) throw error
    return { ...remembered, stale: true }
  }
}

await db.query(`
  create table if not exists orders (
    id text primary key, customer text not null, email text not null, sku text not null, quantity int not null,
    cents int not null, currency text not null, country text not null,
    placed_at timestamptz not null default now(), charged_at timestamptz, receipt text);
  create table if not exists quotes (sku text primary key, cents int not null, currency text not null)`)

serve("shop", Number(process.env["PORT"] ?? 3000), {
  "POST /orders": async ({ body }) => {
    const order = Order.safeParse(body)
    if (!order.success) throw new HttpError(422, z.prettifyError(order.error))
    await orders.call(() => placeOrder(order.data), { operation: "place" })
    return { status: 202, body: { id: order.data.id, status: "placed" }, headers: { location: `/orders/${order.data.id}` } }
  },
  "GET /orders/:id": async ({ params }) => {
    const { rows: [order] } = await db.query("select id, sku, quantity, cents, currency, charged_at, receipt from orders where id = $1", [params["id"]])
    return order === undefined ? { status: 404, body: { error: "no such order" } } : { status: 200, body: order }
  },
  "GET /quote": async ({ query }) => ({ status: 200, body: await quote(query.get("sku") ?? "") }),
  "GET /healthz": async () => {
    const report = await outrigger.health()
    return { status: report.status === "fail" ? 503 : 200, body: report, headers: { "content-type": "application/health+json" } }
  }
}, async () => {
  await outrigger.close()
  await db.end()
})
