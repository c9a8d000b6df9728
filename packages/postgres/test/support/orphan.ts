/** A process that asks a long question with a near deadline, to be killed meanwhile. The URL of the database is its argument. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Database } from "@outrigger/postgres"
import { Deadline } from "@outrigger/sdk"

interface Orphan {
  readonly orphan: true
}
const Main = Database.Service<Orphan>()("orphan", { url: Redacted.make(process.argv[2]!), statementTimeout: "1 hour" })
const warm = Main.read((sql) => sql`select 1`)
const sleep = Main.read((sql) => sql`select pg_sleep(120) as orphaned`).pipe(Deadline.within("3 seconds"))

await Effect.runPromise(Effect.andThen(warm, sleep).pipe(Effect.provide(Main.layer)))
