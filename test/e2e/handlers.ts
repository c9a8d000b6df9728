/** Tasks of both faces in one file, as a host in the middle of a change would have them. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Task } from "@outrigger/sdk"
import { Task as PromiseTask } from "@outrigger/sdk/promise"
import { z } from "zod"

export const Greet = PromiseTask.make("greet", { payload: z.object({ name: z.string() }), success: z.string() })
export const Wait = PromiseTask.make("wait", { payload: z.object({ millis: z.number() }), retry: { times: 3, base: 10, max: 10 } })

export const Spin = PromiseTask.make("spin", { payload: z.object({}) })

export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}
export const Judge = Task.make("judge", { payload: { guilty: Schema.Boolean }, success: Schema.String, error: Refused })

export default [
  Greet.handle(({ name }) => `hello ${name}`),
  Wait.handle(({ millis }, { signal }) => new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, millis, "waited")
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })),
  Spin.handle(() => {
    for (;;);
  }),
  Judge.toLayer(({ guilty }) => guilty ? Effect.fail(new Refused({ why: "guilty" })) : Effect.succeed("free"))
]
