import { createOutrigger, Task } from "@outrigger/sdk/promise"
import { z } from "zod"

const outrigger = createOutrigger({ service: "handlers" })
const payments = outrigger.api("payments", { retry: false, breaker: { failures: 1, openFor: "1 hour" } })

const charge = Task.make("charge", { payload: z.object({}), needs: ["payments"], retry: { times: 5, base: 10, max: 10 } })
const mend = Task.make("mend", { payload: z.object({}) })

export default [
  charge.handle(() => payments.call(() => Promise.reject(new Error("payments is down")))),
  mend.handle(() => payments.state().breaker)
]
