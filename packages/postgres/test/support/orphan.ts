/** A process that asks a long question with a near deadline, to be killed meanwhile. The URL of the database is its argument. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Database } from "@outrigger/postgres"
import { Deadline } from "@outrigger/sdk"

interface Orphan {
  readonly orphan: true
}
const Main = Database.Service<Orphan>()("orphan", { url: Redacted.make(process.argv[2]!) })
const sleep = Main.read((sql) => sql`select pg_sleep(120) as orphaned`)

await Effect.runPromise(sleep.pipe(Deadline.within("4 seconds"), Effect.provide(Main.layer)))
