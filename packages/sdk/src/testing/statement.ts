/** Reads the statement of `enqueueSql`, for doubles of database clients. */
import { type NewTask, taskDefaults } from "../core/tasks/task.ts"

export interface Statement {
  readonly text: string
  readonly values?: ReadonlyArray<unknown> | undefined
}

/** The task that PostgreSQL would enqueue. */
export const taskOfStatement = ({ text, values = [] }: Statement): NewTask => {
  const [name, payload, options] = values
  if (!/\benqueue\s*\(/.test(text) || typeof name !== "string" || typeof payload !== "string" || typeof options !== "string") {
    throw new TypeError(`The kit answers the statement of enqueueSql and no other: let your double answer ${JSON.stringify(text)}`)
  }
  const { priority, queue, version } = taskDefaults
  return { name, version, queue, priority, delay: 0, ...JSON.parse(options) as Partial<NewTask>, payload: JSON.parse(payload) as unknown }
}
