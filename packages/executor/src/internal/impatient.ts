/**
 * A store that is not waited for without end. A connection can fall silent with nobody told: a pulled cable, a firewall that
 * forgot it. Then a request is given up, its connection with it, and asked again over another. What it did may be done
 * nevertheless: a claim is in doubt, and a second acknowledgement is refused by its fence.
 */
import * as Effect from "effect/Effect"
import { Task, type TaskStore } from "@outrigger/sdk"

/** A statement takes milliseconds, and its connection seconds where many come at once. What tidies up may have more to do. */
const patience = 10_000
const upkeepPatience = 60_000

/** The same store, each of whose requests to a worker has its time. */
export const impatient = (store: TaskStore.Service): TaskStore.Service => {
  const bounded = <A, E>(request: Effect.Effect<A, E>, millis = patience): Effect.Effect<A, E | Task.StoreUnavailable> => Effect.timeoutOrElse(request, {
    duration: millis,
    orElse: () => Effect.fail(new Task.StoreUnavailable(`The task store gave no answer in ${millis / 1000} s`, true))
  })
  return {
    ...store,
    define: (definitions) => bounded(store.define(definitions)),
    register: (worker) => bounded(store.register(worker)),
    renew: (worker, lease) => bounded(store.renew(worker, lease)),
    deregister: (worker) => bounded(store.deregister(worker)),
    held: (worker, ids) => bounded(store.held(worker, ids)),
    claim: (request) => bounded(store.claim(request)),
    settle: (worker, settlements) => bounded(store.settle(worker, settlements)),
    progress: (worker, at) => bounded(store.progress(worker, at)),
    upkeep: bounded(store.upkeep, upkeepPatience),
    sleeping: (worker, asleep) => bounded(store.sleeping(worker, asleep))
  }
}
