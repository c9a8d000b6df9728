/** The shop's orders: their shape, and the three hundred of `orders.csv`. */
import { readFileSync } from "node:fs"
import { parse } from "csv-parse/sync"
import { z } from "zod"

const whole = z.coerce.number().int().positive()

export const Order = z.object({
  id: z.string().regex(/^W-\d+$/),
  customer: z.string().min(1).max(100),
  email: z.email(),
  sku: z.string().min(1).max(40),
  quantity: whole.max(100),
  unit_price_cents: whole.max(10_000_000),
  currency: z.string().length(3),
  country: z.string().length(2)
})
export type Order = z.output<typeof Order>

/** What its customer owes, in cents. */
export const totalOf = ({ quantity, unit_price_cents }: Order): number => quantity * unit_price_cents

/** The orders of `orders.csv`, in its order. */
export const readOrders = (): ReadonlyArray<Order> =>
  z.array(Order).parse(parse(readFileSync(new URL("orders.csv", import.meta.url)), { columns: true }))
