/**
 * Runs a statement that gives rows, and gives them as JSON, planned as a pool of the store's own tells its sessions: for sessions
 * that are shared with strangers, which a pooler hands out anew for each transaction.
 */
const planned = `create function outrigger.planned(statement text) returns setof jsonb language plpgsql
  set plan_cache_mode = force_custom_plan set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
  declare one record;
  begin
    for one in execute statement loop return next to_jsonb(one); end loop;
  end $$`

export const statements: ReadonlyArray<string> = [planned]
