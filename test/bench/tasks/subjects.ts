/** Who is measured: where its code is, and how many tasks wait or are done in its tables. */

export interface TaskSubject {
  /** The module whose default export is `Queues`. */
  readonly module: URL
  /** Those that are not over, as one number. */
  readonly waiting: string
  /** Those that succeeded; undefined where they are deleted. */
  readonly succeeded: string | undefined
}

const module = (file: string): URL => new URL(file, import.meta.url)

const own = {
  waiting: "select count(*) from outrigger.task",
  succeeded: "select count(distinct id) from outrigger.finished where state = 'succeeded'"
}

const graphileWorker = {
  module: module("graphileWorker.ts"),
  waiting: "select count(*) from graphile_worker._private_jobs",
  succeeded: undefined
}

const pgBoss = {
  module: module("pgBoss.ts"),
  waiting: "select count(*) from pgboss.job where state <> 'completed' and name not like '\\_\\_%'",
  succeeded: "select count(*) from pgboss.job where state = 'completed' and name not like '\\_\\_%'"
}

export const subjects = {
  outrigger: { module: module("outrigger.ts"), ...own },
  raw: { module: module("raw.ts"), ...own },
  "graphile-worker tuned": graphileWorker,
  "graphile-worker default": graphileWorker,
  "pg-boss": pgBoss,
  "pg-boss fetch": pgBoss
} satisfies Readonly<Record<string, TaskSubject>>

export type SubjectName = keyof typeof subjects

/** Those that are neither ours nor our own statements. */
export const peers: ReadonlyArray<SubjectName> = (Object.keys(subjects) as ReadonlyArray<SubjectName>).filter((name) => name !== "outrigger" && name !== "raw")
