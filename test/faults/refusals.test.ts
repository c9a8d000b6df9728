/** A database that answers, and takes nothing: it has become read-only, or its disk is full. */
import { assert, describe, it } from "vitest"
import { charge } from "./support/charge.ts"
import { flawless } from "./support/ledger.ts"
import { Server } from "./support/server.ts"
import { Stage } from "./support/stage.ts"

interface Trouble {
  readonly what: string
  readonly says: RegExp
  readonly begin: (server: Server, stage: Stage) => Promise<unknown>
  readonly end: (server: Server, stage: Stage) => Promise<unknown>
}

/** In PostgreSQL's own words, from wherever it would need a new page. */
const full = `
  create function public.full_disk() returns trigger language plpgsql as $$ begin
    raise exception 'could not extend file "base/16384/16397": No space left on device' using errcode = '53100', hint = 'Check free disk space.';
  end $$;
  create trigger full_disk before insert or update on outrigger.task for each statement execute function public.full_disk();
  create trigger full_disk before insert on outrigger.finished for each statement execute function public.full_disk();
  create trigger full_disk before insert or update on outrigger.worker for each statement execute function public.full_disk()`

const troubles: ReadonlyArray<Trouble> = [
  {
    what: "that has become read-only",
    says: /25006.*read-only transaction/,
    begin: (server) => server.set("default_transaction_read_only", "on"),
    end: (server) => server.set("default_transaction_read_only", "off")
  },
  {
    what: "whose disk is full",
    says: /53100.*No space left on device/,
    begin: (_, stage) => stage.ask(full),
    end: (_, stage) => stage.ask("drop function public.full_disk() cascade")
  }
]

describe("a database", () => {
  for (const { begin, end, says, what } of troubles) {
    it(`${what} refuses an enqueue with a typed error that says so, and workers recover by themselves`, async () => {
      await using server = await Server.start()
      await using stage = await Stage.in(server.url)
      await Promise.all([stage.worker(), stage.worker()])
      const ids = [...await stage.enqueue(Array.from({ length: 1000 }, (_, n) => charge({ n })))]
      await stage.untilSucceeded(200)

      await begin(server, stage)
      const error = await stage.refusal([charge()])
      assert.deepInclude(error, { _tag: "StoreUnavailable", retryable: true })
      assert.match(error.message, says)
      assert.isBelow(await stage.succeeded(), 1000)

      await end(server, stage)
      ids.push(...await stage.enqueue([charge()]))
      await stage.untilSucceeded(ids.length)
      assert.deepStrictEqual(await stage.verdict(ids), flawless)
      const [{ n }] = await stage.ask("select count(*)::int as n from outrigger.task") as [{ n: number }]
      assert.strictEqual(n, 0, "what was refused was not enqueued")
    }, 120_000)
  }
})
