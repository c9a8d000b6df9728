/**
 * Concurrency keys: of all tasks with a key one runs at a time, or as many as `key_limit` says.
 *
 * `hold` is a ledger: each turn of each slot of a key is a row that names the claim (task and fence) that took it, and it holds
 * for as long as that claim does. Nothing frees a key: whatever ends a claim (an end, a retry, a hand-back, a reaped worker, a
 * cancel) has freed it. Whoever wants the slot inserts the next turn, and the primary key lets one of them. Rows are only ever
 * added at the end that everybody reads, so no dead row lies in the way while a session holds a snapshot.
 *
 * A task whose key is taken is `parked`: out of the line that claims walk, and in the line of its key.
 */
export const statements: ReadonlyArray<string> = [
  `create table outrigger.hold (
    key text not null, slot int2 not null, turn bigint not null, task bigint not null, fence bigint not null,
    mark bigint not null, taken_at timestamptz not null default clock_timestamp(), primary key (key, slot, turn))`,
  `create index hold_age on outrigger.hold (taken_at)`,
  `create index task_line on outrigger.task (key, seq) where key is not null and state in ('ready', 'parked')`,
  `create index task_parked on outrigger.task (key, seq) where state = 'parked'`
]
