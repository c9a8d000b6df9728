/** What PostgreSQL would do, or did, for a statement: as far as tests ask. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"

interface Node {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Index Cond"?: string
  readonly "Shared Hit Blocks"?: number
  readonly "Shared Read Blocks"?: number
  readonly Plans?: ReadonlyArray<Node>
}

/** Without a condition an index is read whole, unless a limit stops it. */
const readsAll = (node: Node): boolean => readsTasks(node) && node["Node Type"].startsWith("Index") && node["Index Cond"] === undefined

const unlimited = (node: Node): ReadonlyArray<Node> =>
  node["Node Type"] === "Limit" ? [] : [node, ...(node.Plans ?? []).flatMap(unlimited)]

const below = (node: Node): ReadonlyArray<Node> => [node, ...(node.Plans ?? []).flatMap(below)]

const readsTasks = (node: Node): boolean => node["Relation Name"] === "task" && /Scan/.test(node["Node Type"])

const explain = (options: string, text: string, values: ReadonlyArray<unknown>): Effect.Effect<Node, SqlError, PgClient.PgClient> =>
  PgClient.PgClient.use((sql) => Effect.map(
    sql.unsafe<{ "QUERY PLAN": ReadonlyArray<{ readonly Plan: Node }> }>(`explain (${options}, format json) ${text}`, values),
    ([row]) => row!["QUERY PLAN"][0]!.Plan
  ))

/** What a plan must not do to the table of tasks: read it whole, build a bitmap of it, sort what comes from it. */
export const faults = (text: string, values: ReadonlyArray<unknown> = []) => Effect.map(explain("costs off", text, values), (plan) => {
  const all = below(plan)
  return [
    ...all.filter((node) => readsTasks(node) && !/^(Index|Tid|Index Only) Scan/.test(node["Node Type"])).map((node) => `${node["Node Type"]} of task`),
    ...unlimited(plan).filter(readsAll).map((node) => `${node["Node Type"]} of all tasks`),
    ...all.filter((node) => /Sort/.test(node["Node Type"]) && below(node).some(readsTasks)).map(() => "Sort of tasks"),
    ...all.filter((node) => /Join/.test(node["Node Type"]) && (node.Plans ?? []).every((side) => below(side).some(readsTasks))).map((node) => `${node["Node Type"]} of tasks with tasks`)
  ]
})

/** Runs it, and gives how many pages it touched. */
export const pagesOf = (text: string, values: ReadonlyArray<unknown> = []) => Effect.map(explain("analyze, buffers", text, values), (plan) =>
  plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!)
