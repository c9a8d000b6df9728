/** What every failed attempt died of, kept with its task: when, on which worker, and why. Of very many only the last ones stay. */
export const statements: ReadonlyArray<string> = [
  `create function outrigger.with_error(errors jsonb, attempt int, worker int, failure jsonb) returns jsonb language sql stable as $$
    select case when jsonb_array_length(errors) >= 50 then errors - 0 else coalesce(errors, '[]') end || jsonb_build_array(jsonb_build_object(
      'attempt', attempt, 'at', floor(extract(epoch from clock_timestamp()) * 1000),
      'worker', coalesce((select w.name || ' (' || w.id || ')' from outrigger.worker w where w.id = worker), worker::text),
      'name', failure -> 'name', 'message', failure -> 'message')) $$`
]
