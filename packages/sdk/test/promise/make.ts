/** One dependency on a clock moved by hand, with the promise face around it. */
import { Dependency } from "../../src/core/dependency.ts"
import type { PolicyOptions } from "../../src/core/options.ts"
import { Api } from "../../src/promise/Api.ts"
import { virtual } from "../support/virtual.ts"

export const make = (options: PolicyOptions) => {
  const { port, timers } = virtual()
  const dependency = new Dependency("x", options, timers)
  return { api: new Api(dependency), dependency, port }
}

/** Two retries after exactly 100 and 200 ms, however many others there are. */
export const retry = { times: 2, base: 100, jitter: "none", budget: false } as const

export const fail = (error: unknown = new Error("boom")) => () => Promise.reject(error)
