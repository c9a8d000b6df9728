import { AsyncLocalStorage } from "node:async_hooks"
import { Task } from "@outrigger/sdk/promise"
import { z } from "zod"

const tenant = new AsyncLocalStorage<string>()
const Whose = Task.make("whose", { payload: z.object({}) })

export const middleware: ReadonlyArray<Task.Middleware> = [({ name }, next) => tenant.run(`tenant of ${name}`, next)]
export const hooks = { onSettled: ({ settlement }: { readonly settlement: { readonly _tag: string } }) => console.log(`settled: ${settlement._tag}`) }
export default Whose.handle(() => tenant.getStore())
