/** Schedules of both faces in one handlers file. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Task } from "@outrigger/sdk"
import { Task as PromiseTask } from "@outrigger/sdk/promise"
import { z } from "zod"

const Tick = PromiseTask.make("tick", { payload: z.object({ by: z.string() }) })
const Tock = Task.make("tock", { payload: { by: Schema.String } })

export default [
  Tick.handle(({ by }) => by),
  Tick.schedule("tick", { every: "1 second", catchUp: "all" }, { by: "promise" }),
  Tock.toLayer(() => Effect.void),
  Tock.schedule("tock", { cron: "* * * * * *", timeZone: "Europe/Paris", catchUp: "all" }, { by: "effect" })
]
