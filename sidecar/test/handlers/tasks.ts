import { Task } from "@outrigger/sdk/promise"
import { z } from "zod"

const greet = Task.make("greet", { payload: z.object({ name: z.string().min(1) }), success: z.string() })
const loop = Task.make("loop", { payload: z.object({}), retry: { times: 0 }, timeout: "5 seconds" })
const exit = Task.make("exit", { payload: z.object({ code: z.int() }), retry: { times: 0 } })
const heap = Task.make("heap", { payload: z.object({}), retry: { times: 0 } })
const wait = Task.make("wait", { payload: z.object({ millis: z.number() }) })
const stubborn = Task.make("stubborn", { payload: z.object({}), retry: { times: 0 }, timeout: 300 })
const forever = Task.make("forever", { payload: z.object({}) })
const stray = Task.make("stray", { payload: z.object({}), retry: { times: 0 } })

const spinForEver = () => {
  for (;;) Math.sqrt(2)
}

export default [
  greet.handle(({ name }, { attempt }) => `hello ${name} (${attempt})`),
  loop.handle(() => spinForEver()),
  exit.handle(({ code }) => process.exit(code)),
  heap.handle(() => {
    const kept: Array<unknown> = []
    for (;;) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })))
  }),
  wait.handle(({ millis }, { signal }) => new Promise((resolve, reject) => {
    console.log("wait has begun")
    const timer = setTimeout(() => resolve("done"), millis)
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })),
  forever.handle(() => new Promise(() => console.log("forever has begun"))),
  stubborn.handle(() => new Promise(() => {})),
  stray.handle(() => new Promise(() => {
    setTimeout(() => {
      throw new Error("astray")
    }, 10)
  }))
]
