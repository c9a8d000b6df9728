import { expect, it } from "vitest"
import { readOrders, totalOf } from "../orders.ts"
import { recount } from "../stock.ts"

it("has three hundred orders, each with an id of its own and an address that belongs to nobody", () => {
  const orders = readOrders()
  expect(new Set(orders.map(({ id }) => id)).size).toBe(300)
  expect(orders.filter(({ email }) => !/@example\.(?:com|org|net)$/.test(email))).toEqual([])
})

it("has a list price in euros for every article, so that payments can quote each", () => {
  const orders = readOrders()
  const quoted = new Set(orders.filter(({ currency }) => currency === "EUR").map(({ sku }) => sku))
  expect(orders.filter(({ sku }) => !quoted.has(sku))).toEqual([])
})

it("adds up what a customer owes", () => {
  const [order] = readOrders()
  expect(totalOf({ ...order!, quantity: 3, unit_price_cents: 1990 })).toBe(5970)
})

it("recounts the stock: every ordered piece is in one article's count", () => {
  const pieces = readOrders().reduce((sum, { quantity }) => sum + quantity, 0)
  expect(Object.values(recount()).reduce((sum, count) => sum + count, 0)).toBe(pieces)
})
