/**
 * What a worker holds. All of it is found by the worker, past whatever it held before and that nobody could clear away yet; some
 * of it by their ids, each at once: a worker that knows what it runs asks so, each second.
 */
import * as Effect from "effect/Effect"
import type { Task, TaskStore } from "@outrigger/sdk"

const columns = `t.id::text, r.name, r.version, t.attempt, t.fence::text`

export const heldSql = `
  select ${columns} from outrigger.task t join outrigger.route r on r.id = t.route where t.state = 'running' and t.worker = $1`

export const heldAmongSql = `
  select ${columns} from unnest($2::bigint[]) as asked (id)
  cross join lateral (select id, route, state, worker, attempt, fence from outrigger.task where task.id = asked.id limit 1) t
  join outrigger.route r on r.id = t.route where t.state = 'running' and t.worker = $1`

type Query = (text: string, values: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<any>, Task.StoreUnavailable>

export const makeHeld = (query: Query): TaskStore.Service["held"] => (worker, ids) =>
  ids === undefined ? query(heldSql, [Number(worker)])
  : ids.length === 0 ? Effect.succeed([])
  : query(heldAmongSql, [Number(worker), ids])
