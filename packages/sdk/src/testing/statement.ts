/** Reads the statements of `enqueueSql` and `enqueueManySql`, for doubles of database clients. */
import { type NewTask, taskDefaults } from "../core/tasks/task.ts"

export interface Statement {
  readonly text: string
  readonly values?: ReadonlyArray<unknown> | undefined
}

interface Said {
  readonly name: string
  readonly payload: unknown
  readonly options: Partial<NewTask>
}

const taskOf = ({ name, options, payload }: Said): NewTask => {
  const { priority, queue, version } = taskDefaults
  return { name, version, queue, priority, delay: 0, ...options, payload }
}

/** The tasks that PostgreSQL would enqueue. */
export const tasksOfStatement = ({ text, values = [] }: Statement): ReadonlyArray<NewTask> => {
  const [first, payload, options] = values
  if (typeof first === "string" && /\benqueue_many\s*\(/.test(text)) return (JSON.parse(first) as ReadonlyArray<Said>).map(taskOf)
  if (!/\benqueue\s*\(/.test(text) || typeof first !== "string" || typeof payload !== "string" || typeof options !== "string") {
    throw new TypeError(`The kit answers the statements of enqueueSql and enqueueManySql, and no other: let your double answer ${JSON.stringify(text)}`)
  }
  return [taskOf({ name: first, payload: JSON.parse(payload) as unknown, options: JSON.parse(options) as Partial<NewTask> })]
}
