import * as Effect from "effect/Effect"
import { Task } from "@outrigger/sdk"
import type { Middleware } from "@outrigger/executor"

const Whose = Task.make("whose", { payload: {} })

export const middleware: Middleware.Middleware = (task, run) => Effect.annotateLogs(run, { tenant: task.metadata?.["tenant"] ?? "none" })
export default [Whose.toLayer(() => Effect.void), Whose.schedule("daily", { every: "1 day" }, {})]
