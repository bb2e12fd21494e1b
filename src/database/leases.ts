/**
 * The SQL of `producer` and `producer_lease`. Each statement stands alone, goes by the database's clock, and can be sent
 * through a pooler. None waits for another one's lock while it holds one that this one needs: free rows are taken with
 * SKIP LOCKED, and others are changed by their holder alone, or by whoever has deleted their holder's row before.
 */
import type pg from 'pg'
import { msOf } from './uptime.ts'

export interface HeldShard {
  readonly shard: number
  /** Slots that are due up to then were somebody else's: ms of the Unix epoch. */
  readonly slotsAfterMs: number
  /** Who held it before; null: nobody. */
  readonly previous: string | null
}

/** What a producer has to know of all. */
export interface Seen {
  /** Producers that live. */
  readonly producers: number
  /** Its own place among these, from 1 on; null: it counts as dead. */
  readonly place: number | null
  /** Producers that count as dead, and may hold shards. */
  readonly dead: number
  readonly free: number
  readonly held: readonly HeldShard[]
}

export interface Holder {
  /** Null: nobody. */
  readonly name: string | null
  readonly shards: readonly number[]
  /** Until it counts as dead; negative: it does. */
  readonly livesForMs: number
}

/** @param me.slotsUntil of this machine's clock: without news, no later slot is started here */
export async function renew(
  pool: pg.Pool,
  me: { id: string; name: string; leaseMs: number; slotsUntil: Date },
): Promise<void> {
  await pool.query(
    `INSERT INTO producer (producer_id, name, until, slots_until)
     VALUES ($1, $2, clock_timestamp() + $3 * interval '1 ms', $4)
     ON CONFLICT (producer_id) DO UPDATE SET until = EXCLUDED.until, slots_until = EXCLUDED.slots_until`,
    [me.id, me.name, me.leaseMs, me.slotsUntil],
  )
}

export async function look(pool: pg.Pool, id: string): Promise<Seen> {
  const { rows } = await pool.query<Seen>(
    `SELECT producer.*, lease.*
       FROM (SELECT count(*) FILTER (WHERE until >= clock_timestamp())::integer AS producers,
                    count(*) FILTER (WHERE until < clock_timestamp())::integer AS dead,
                    CASE WHEN bool_or(producer_id = $1 AND until >= clock_timestamp())
                         THEN count(*) FILTER (WHERE until >= clock_timestamp() AND producer_id <= $1)::integer
                    END AS place
               FROM producer) AS producer,
            (SELECT count(*) FILTER (WHERE holder IS NULL)::integer AS free,
                    coalesce(json_agg(json_build_object('shard', shard, 'slotsAfterMs', ${msOf('slots_after')},
                                                        'previous', previous) ORDER BY shard)
                               FILTER (WHERE holder = $1), '[]') AS held
               FROM producer_lease) AS lease`,
    [id],
  )
  return rows[0] as Seen
}

/** Takes up to so many free ones. Nothing, when whoever asks has been declared dead in the meantime. */
export async function take(pool: pg.Pool, me: { id: string; leaseMs: number }, most: number): Promise<void> {
  await pool.query(
    `WITH me AS MATERIALIZED (
       UPDATE producer SET until = clock_timestamp() + $3 * interval '1 ms' WHERE producer_id = $1 RETURNING producer_id
     ), free AS MATERIALIZED (
       SELECT shard FROM producer_lease WHERE holder IS NULL ORDER BY shard LIMIT $2 FOR UPDATE SKIP LOCKED
     )
     UPDATE producer_lease AS lease SET holder = me.producer_id FROM me, free WHERE lease.shard = free.shard`,
    [me.id, most, me.leaseMs],
  )
}

/** @param slotsUntil the slots up to then are still the giver's */
export async function giveBack(
  pool: pg.Pool,
  me: { id: string; name: string },
  shards: readonly number[],
  slotsUntil: Date,
): Promise<void> {
  await pool.query(
    `UPDATE producer_lease SET holder = NULL, slots_after = greatest(slots_after, $3), previous = $4
      WHERE holder = $1 AND shard = ANY ($2)`,
    [me.id, shards, slotsUntil, me.name],
  )
}

/** Frees what dead producers held. The slots up to `slots_until` were theirs. */
export async function buryDead(pool: pg.Pool): Promise<void> {
  await pool.query(
    `WITH found AS MATERIALIZED (
       SELECT producer_id FROM producer WHERE until < clock_timestamp() ORDER BY producer_id FOR UPDATE SKIP LOCKED
     ), dead AS (
       DELETE FROM producer USING found WHERE producer.producer_id = found.producer_id RETURNING producer.*
     )
     UPDATE producer_lease SET holder = NULL, slots_after = greatest(slots_after, dead.slots_until), previous = dead.name
       FROM dead
      WHERE holder = dead.producer_id`,
  )
}

/** Gives everything back, and is gone. */
export async function leave(pool: pg.Pool, me: { id: string; name: string }, slotsUntil: Date): Promise<void> {
  await pool.query(
    `WITH gone AS (
       DELETE FROM producer WHERE producer_id = $1 RETURNING producer_id
     )
     UPDATE producer_lease SET holder = NULL, slots_after = greatest(slots_after, $2), previous = $3
       FROM gone
      WHERE holder = gone.producer_id`,
    [me.id, slotsUntil, me.name],
  )
}

/** Who holds what, the greatest holder first; nobody last. */
export async function readHolders(pool: pg.Pool): Promise<Holder[]> {
  const { rows } = await pool.query<Holder>(
    `SELECT name, coalesce(array_agg(shard ORDER BY shard) FILTER (WHERE shard IS NOT NULL), '{}') AS shards,
            coalesce(${msOf('until - clock_timestamp()')}, 0) AS "livesForMs"
       FROM producer FULL JOIN producer_lease ON holder = producer_id
      GROUP BY producer_id, name, until
      ORDER BY producer_id IS NULL, count(shard) DESC, name`,
  )
  return rows
}
