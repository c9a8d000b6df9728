/** The name of a schema, as the command line gives it. */
import { TaskStore } from "@outrigger/sdk"
import { UsageError } from "./options.ts"

/** Throws a `UsageError` for what is no name. */
export const checkSchema = (schema: string | undefined): void => {
  try {
    TaskStore.schemaName(schema)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
