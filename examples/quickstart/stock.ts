/** How many of each article were ordered. */
import { readOrders } from "./orders.ts"

/** With `loop`, it has the bug that the demo is about: a loop that forgets to step on, and never ends. */
export const recount = (loop = false): Readonly<Record<string, number>> => {
  const orders = readOrders()
  const counted: Record<string, number> = {}
  for (let at = 0; at < orders.length; at += loop ? 0 : 1) {
    const { quantity, sku } = orders[at]!
    counted[sku] = (counted[sku] ?? 0) + quantity
  }
  return counted
}
