/** The task that both sides know: the shop, which enqueues it, and `tasks.ts`, which runs it. */
import { Task } from "@outrigger/sdk/promise"
import { z } from "zod"

export const ChargeOrder = Task.make("charge-order", {
  payload: z.object({
    orderId: z.string().meta({ examples: ["W-1"] }),
    cents: z.int().positive(),
    currency: z.string().length(3).meta({ examples: ["EUR"] })
  }),
  timeout: "20 seconds",
  // Quicker than usual, because the demo has a minute: left out, it is 12 retries, the first after 10 seconds.
  retry: { times: 20, base: "250 millis", max: "2 seconds" },
  // While the breaker of "payments" is open, the task waits, and spends no attempt.
  needs: ["payments"]
})
