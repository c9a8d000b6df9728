/** What the doctor looks at: a statement that gives a row for each thing that is wrong, and what to say of it. */
/** How bad it is: `fail` hurts now, `warn` will. */
export type Severity = "warn" | "fail"

/** Something that should be otherwise. */
export interface Finding {
  /** What kind it is, such as "horizon": for machines. */
  readonly check: string
  readonly severity: Severity
  /** What was seen, with its numbers, in a sentence. */
  readonly found: string
  /** What to do, with the statement to run where there is one. */
  readonly advice: string
}

export interface Examination {
  readonly check: string
  readonly statement: string
  readonly findingOf: (row: any) => Omit<Finding, "check">
}

const minutes = (seconds: number): string => seconds < 120 ? `${Math.round(seconds)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`

/** From where on something counts. */
export interface Thresholds {
  /** Seconds that a snapshot may be held; five times as long costs everybody. */
  readonly snapshot: number
  readonly deadRows: number
  /** Bytes. */
  readonly indexSize: number
}

const sessions = ({ snapshot }: Thresholds): Examination => ({
  check: "horizon",
  statement: `
    select pid, coalesce(nullif(application_name, ''), 'without a name') as application, usename as "user", state,
      extract(epoch from clock_timestamp() - coalesce(xact_start, query_start))::float8 as age, left(regexp_replace(query, '\\s+', ' ', 'g'), 120) as query
    from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid() and (backend_xmin is not null or backend_xid is not null)
      and clock_timestamp() - coalesce(xact_start, query_start) > interval '${snapshot} seconds'
      and (datname = current_database() or backend_xid is not null)
    order by age(coalesce(backend_xmin, backend_xid)) desc, xact_start limit 5`,
  findingOf: ({ age, application, pid, query, state, user }) => ({
    severity: age > 5 * snapshot ? "fail" : "warn",
    found: `Session ${pid} (${application}, user ${user}, ${state}) has held its snapshot for ${minutes(age)}: no dead row can be removed meanwhile. Its last statement: ${query}`,
    advice: `End its transaction where it was begun, or here: select pg_terminate_backend(${pid}). Then set idle_in_transaction_session_timeout for its role`
  })
})

const prepared = ({ snapshot }: Thresholds): Examination => ({
  check: "horizon",
  statement: `
    select gid, owner, extract(epoch from clock_timestamp() - prepared)::float8 as age from pg_prepared_xacts
    where clock_timestamp() - prepared > interval '${snapshot} seconds' order by prepared limit 5`,
  findingOf: ({ age, gid, owner }) => ({
    severity: age > 5 * snapshot ? "fail" : "warn",
    found: `The prepared transaction ${gid} of ${owner} has waited for ${minutes(age)}: no dead row can be removed meanwhile`,
    advice: `Commit prepared '${gid}', or rollback prepared '${gid}'`
  })
})

const slots: Examination = {
  check: "horizon",
  statement: `
    select slot_name as name, active, greatest(age(xmin), age(catalog_xmin)) as behind from pg_replication_slots
    where greatest(age(xmin), age(catalog_xmin)) > 1000000 or (not active and (xmin is not null or catalog_xmin is not null)) order by behind desc limit 5`,
  findingOf: ({ active, behind, name }) => ({
    severity: active ? "warn" : "fail",
    found: `The replication slot ${name} (${active ? "active" : "with nobody reading it"}) is ${behind} transactions behind: it keeps dead rows, and WAL`,
    advice: active ? "See why its reader is slow, or whether hot_standby_feedback must be on" : `Start its reader, or drop it: select pg_drop_replication_slot('${name}')`
  })
}

const standbys: Examination = {
  check: "horizon",
  statement: `
    select coalesce(nullif(application_name, ''), client_addr::text, 'without a name') as name, age(backend_xmin) as behind
    from pg_stat_replication where age(backend_xmin) > 1000000 order by behind desc limit 5`,
  findingOf: ({ behind, name }) => ({
    severity: "warn",
    found: `A long query on the standby ${name} holds the horizon ${behind} transactions back, through hot_standby_feedback`,
    advice: "End that query on the standby, or bound it with max_standby_streaming_delay"
  })
}

const vacuumOff: Examination = {
  check: "vacuum",
  statement: `
    select 'autovacuum' as what, 'off for the whole server' as how where current_setting('autovacuum') = 'off'
    union all select 'track_counts', 'off: autovacuum sees nothing' where current_setting('track_counts') = 'off'
    union all select c.relname, 'without autovacuum' from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'outrigger' and c.reloptions::text ~* 'autovacuum_enabled=(false|off|0|no)'`,
  findingOf: ({ how, what }) => ({
    severity: "fail",
    found: `${what} is ${how}`,
    advice: "Turn it on: alter system set autovacuum = on, or alter table outrigger.<table> reset (autovacuum_enabled), and reload"
  })
}

const unvacuumed = ({ deadRows }: Thresholds): Examination => ({
  check: "vacuum",
  statement: `
    select relname as table, n_dead_tup::float8 as dead, n_live_tup::float8 as live,
      extract(epoch from clock_timestamp() - greatest(last_vacuum, last_autovacuum))::float8 as age
    from pg_stat_user_tables where schemaname = 'outrigger' and n_dead_tup > ${deadRows} and n_dead_tup > 5 * n_live_tup order by n_dead_tup desc limit 5`,
  findingOf: ({ age, dead, live, table }) => ({
    severity: dead > 5_000_000 ? "fail" : "warn",
    found: `outrigger.${table} has ${dead} dead rows beside ${live} live ones; ${age === null ? "it was never vacuumed" : `the last vacuum was ${minutes(age)} ago`}`,
    advice: `If nothing holds the horizon back (see above), run vacuum outrigger.${table}, and let autovacuum come sooner: alter table outrigger.${table} set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0)`
  })
})

/** What an index of this table needs at most for a live row, with pages half full, bytes. */
const perEntry = 120

const bloatedIndexes = ({ indexSize }: Thresholds): Examination => ({
  check: "bloat",
  statement: `
    select s.indexrelname as index, pg_relation_size(s.indexrelid)::float8 as size, greatest(t.n_live_tup + t.n_dead_tup, 0)::float8 as rows
    from pg_stat_user_indexes s join pg_stat_user_tables t on t.relid = s.relid
    where s.schemaname = 'outrigger' and pg_relation_size(s.indexrelid) > ${indexSize}
      and pg_relation_size(s.indexrelid) > ${perEntry} * (t.n_live_tup + t.n_dead_tup) order by size desc limit 5`,
  findingOf: ({ index, rows, size }) => ({
    severity: "warn",
    found: `The index outrigger.${index} takes ${megabytes(size)} for ${rows} rows`,
    advice: `reindex index concurrently outrigger.${index}`
  })
})

const leftovers: Examination = {
  check: "bloat",
  statement: `
    select c.relname as index, pg_relation_size(c.oid)::float8 as size from pg_index i join pg_class c on c.oid = i.indexrelid
    join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'outrigger' and not i.indisvalid
      and not exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid) limit 5`,
  findingOf: ({ index, size }) => ({
    severity: "warn",
    found: `The index outrigger.${index} (${megabytes(size)}) is invalid: a reindex that was cut off left it, and every write still pays for it`,
    advice: `drop index concurrently outrigger.${index}`
  })
}

const wraparound: Examination = {
  check: "wraparound",
  statement: `
    select datname as database, age(datfrozenxid) as age from pg_database where datname = current_database() and age(datfrozenxid) > 1200000000`,
  findingOf: ({ age, database }) => ({
    severity: age > 1_600_000_000 ? "fail" : "warn",
    found: `The database ${database} has not been frozen for ${age} transactions: at two thousand million it stops taking writes`,
    advice: "Find what holds the horizon back (see above), then vacuum freeze"
  })
}

const durability: Examination = {
  check: "durability",
  statement: `
    select name, setting from pg_settings where (name in ('fsync', 'full_page_writes') and setting = 'off') or (name = 'synchronous_commit' and setting = 'off')`,
  findingOf: ({ name, setting }) => ({
    severity: name === "synchronous_commit" ? "warn" : "fail",
    found: `${name} is ${setting}: what was reported as enqueued, or as done, can be gone after a crash`,
    advice: `alter system set ${name} = on, and reload; unless these tasks may be lost`
  })
}

const partitions: Examination = {
  check: "partitions",
  statement: `
    select count(*)::float8 as rows from (select from outrigger.finished_rest limit 100000) r having count(*) > 0`,
  findingOf: ({ rows }) => ({
    severity: "warn",
    found: `${rows >= 100_000 ? "Over 100000" : rows} finished tasks lie outside of any day's partition: no worker had prepared that day`,
    advice: "They are deleted in batches when their time is over. Keep a worker running: it prepares three days ahead"
  })
}

const connections: Examination = {
  check: "connections",
  statement: `
    select count(*)::int as used, current_setting('max_connections')::int as most from pg_stat_activity where backend_type = 'client backend'
    having count(*) > 0.9 * current_setting('max_connections')::int`,
  findingOf: ({ most, used }) => ({
    severity: "warn",
    found: `${used} of ${most} connections are taken: the next worker, or the next host, may be refused`,
    advice: "Lower the pools of the hosts, raise max_connections, or put a pooler in between"
  })
}

const idsRunOut: Examination = {
  check: "ids",
  statement: `
    select 'worker' as what, last_value::float8 as used, 2147483647::float8 as most from pg_sequences where schemaname = 'outrigger' and sequencename = 'worker_id_seq' and last_value > 1500000000
    union all select 'route', last_value::float8, 32767::float8 from pg_sequences where schemaname = 'outrigger' and sequencename = 'route_id_seq' and last_value > 25000`,
  findingOf: ({ most, used, what }) => ({
    severity: "warn",
    found: `${used} of ${most} ids for a ${what} are used up`,
    advice: what === "route"
      ? "A route is a queue, a task and its version: do not make names of queues or tasks from data"
      : "Find what makes workers by the million: each start of a runner is one"
  })
}

/** In the order in which people should read what they find. */
export const examinationsOf = (thresholds: Thresholds): ReadonlyArray<Examination> => [
  sessions(thresholds), prepared(thresholds), slots, standbys, vacuumOff, unvacuumed(thresholds), bloatedIndexes(thresholds), leftovers,
  wraparound, durability, partitions, connections, idsRunOut
]
